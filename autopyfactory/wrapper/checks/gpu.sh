# shellcheck shell=sh disable=SC1091
# does: counts the GPUs that we may use
# stage: 1
# deadline: 20
# class: limited
# owner: site
# hold: yes
# option: asked=0 GPUs that payloads need
. "$APF_LIB/check.sh"
asked=${APF_WRAPPER_ASKED:-0}
if ! command -v nvidia-smi >/dev/null 2>&1; then
    tell gpus 0
    [ "$asked" -eq 0 ] || fatal "no nvidia-smi, $asked GPUs asked"
    exit 0
fi
answer=$(within 18 nvidia-smi -L) || { tell gpus 0 && fatal "nvidia-smi fails or hangs"; }
there=$(printf '%s\n' "$answer" | grep -c '^GPU ')
case ${CUDA_VISIBLE_DEVICES-none-said} in
    none-said) ;;
    '' | NoDevFiles) there=0 ;;
    *)
        visible=$(printf '%s\n' "$CUDA_VISIBLE_DEVICES" | tr ',' '\n' | grep -c .)
        [ "$visible" -ge "$there" ] || there=$visible
        ;;
esac
tell gpus "$there"
tell gpu_model "$(printf '%s\n' "$answer" | sed -n 's/^GPU [0-9]*: \(.*\) (UUID.*/\1/p' | sed 1q)"
[ "$there" -ge "$asked" ] || fatal "$there GPUs, $asked asked"
