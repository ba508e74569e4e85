# What bash offers after pat-exec: its own options and connections, then the command and whatever that offers.
_pat_exec() {
    local word=$2 previous=$3 index=1
    COMPREPLY=()
    case $previous in
        -c | --connection)
            mapfile -t COMPREPLY < <(compgen -W "$(pat-exec --list 2>/dev/null | sed '1d; s/ .*//')" -- "$word")
            return
            ;;
        --deliver) mapfile -t COMPREPLY < <(compgen -W 'home env' -- "$word") && return ;;
        --socket) mapfile -t COMPREPLY < <(compgen -f -- "$word") && return ;;
    esac
    while [ "$index" -lt "$COMP_CWORD" ]; do
        case ${COMP_WORDS[index]} in
            -c | --connection | --deliver | --socket) index=$((index + 2)) ;;
            --) index=$((index + 1)) && break ;;
            -*) index=$((index + 1)) ;;
            *) break ;;
        esac
    done
    if [ "$index" -lt "$COMP_CWORD" ] && declare -F _command_offset >/dev/null; then
        _command_offset "$index"
    elif [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '-c --connection --deliver --socket --list --version --help' -- "$word")
    else
        mapfile -t COMPREPLY < <(compgen -c -- "$word")
    fi
}
complete -F _pat_exec pat-exec
