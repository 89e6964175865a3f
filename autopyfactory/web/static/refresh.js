// Renews what the page shows, every half minute, while somebody looks and is not in the middle of something.
"use strict";
const EVERY = 30000;

function busy() {
  const at = document.activeElement;
  return document.hidden || (at && at.closest("form")) || !document.getSelection().isCollapsed;
}

function open() {
  return [...document.querySelectorAll("main details")].map((one) => one.open);
}

async function renew() {
  if (busy()) return;
  const answer = await fetch(location.href, { credentials: "same-origin" });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.querySelector("main");
  if (!fresh || busy()) return;
  const states = open();
  const focus = document.activeElement && document.activeElement.getAttribute("href");
  document.querySelector("main").replaceWith(fresh);
  document.querySelectorAll("main details").forEach((one, i) => { one.open = Boolean(states[i]); });
  if (focus) {
    const again = [...document.querySelectorAll("main a")].find((a) => a.getAttribute("href") === focus);
    if (again) again.focus({ preventScroll: true });
  }
}

if (!location.pathname.startsWith("/log/")) setInterval(() => renew().catch(() => {}), EVERY);
