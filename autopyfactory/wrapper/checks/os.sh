# shellcheck shell=sh disable=SC1091
# does: operating system, kernel, C library, processor and its instruction set level, virtualisation
# stage: 1
# deadline: 5
# class: info
# owner: site
. "$APF_LIB/check.sh"
proc=$APF_ROOT/proc
tell os "$(sed -n 's/^PRETTY_NAME=//p' "$APF_ROOT/etc/os-release" 2>/dev/null | tr -d '"')"
tell kernel "$(uname -r)"
tell arch "$(uname -m)"
glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null)
[ -z "$glibc" ] || tell glibc "${glibc#glibc }"
tell cpu_model "$(sed -n 's/^model name[^:]*: *//p' "$proc/cpuinfo" 2>/dev/null | sed 1q)"
tell cpu_mhz "$(sed -n 's/^cpu MHz[^:]*: *\([0-9]*\).*/\1/p' "$proc/cpuinfo" 2>/dev/null | sed 1q)"
flags=" $(sed -n 's/^flags[^:]*: *//p' "$proc/cpuinfo" 2>/dev/null | sed 1q) "
has() { for flag; do case $flags in *" $flag "*) ;; *) return 1 ;; esac done; }
if [ "$(uname -m)" = x86_64 ]; then
    level=1
    if has cx16 lahf_lm popcnt sse4_1 sse4_2 ssse3; then
        level=2
        if has abm avx avx2 bmi1 bmi2 f16c fma movbe; then
            level=3
            ! has avx512f avx512bw avx512cd avx512dq avx512vl || level=4
        fi
    fi
    tell isa "x86-64-v$level"
    tell isa_level "$level"
fi
! has hypervisor || tell virtual yes
tell boot "$(sed 1q "$proc/sys/kernel/random/boot_id" 2>/dev/null)"
