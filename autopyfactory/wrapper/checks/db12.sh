# shellcheck shell=sh disable=SC1091
# does: measures the processor with a tenth of DB12, by CPU and by wall time; a fact, never a reason
# stage: 2
# deadline: 120
# class: info
# owner: us
. "$APF_LIB/check.sh"
program=$(command -v python3) || broken "no python3"
answer=$("$program" - <<'END'
# DB12: 12.5 million normal variates are worth 250 HS06 seconds; this is a tenth of that.
import random, time
n = 1250000
wall, cpu = time.time(), time.process_time()
m = m2 = p = p2 = 0.0
for _ in range(n):
    t = random.normalvariate(10, 1)
    m += t; m2 += t * t; p += t * t * t; p2 += t * t * t * t
print("%.2f %.2f" % (25 / (time.process_time() - cpu), 25 / (time.time() - wall)))
END
) || broken "python3 failed"
tell db12_cpu "${answer% *}"
tell db12_wall "${answer#* }"
