# What fish offers after pat-exec: its own options and connections, then the command and whatever that offers.
function __pat_exec_connections
    pat-exec --list 2>/dev/null | tail -n +2 | string replace -r ' .*' ''
end

complete -c pat-exec -s c -l connection -x -d 'the connection' -a '(__pat_exec_connections)'
complete -c pat-exec -l deliver -x -d 'how the secret reaches the command' -a 'home env'
complete -c pat-exec -l socket -r -d 'another broker than the system\'s'
complete -c pat-exec -l list -d 'your connections'
complete -c pat-exec -l version -d 'which version this is'
complete -c pat-exec -l help -d 'what it can do'
complete -c pat-exec -x -a '(__fish_complete_subcommand --fcs-skip=1)'
