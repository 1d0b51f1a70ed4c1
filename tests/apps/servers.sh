# shellcheck shell=bash
# Servers for the applications' tests, sourced by lib.sh. Whatever happens, they end with the script.
#
# shellcheck disable=SC2034  # not every script uses every variable
servers=()
ended=

# serve LOG hsm|software COMMAND...: in the background
serve() {
    local log=$1
    shift
    : >"$log" # now, so that nobody reads what the one before it said
    run=yes "$@" >>"$log" 2>&1 </dev/null &
    servers+=($!)
}

# stop SIGNAL: the server that was started last, and waits for its end; `ended` is its status
stop() {
    local last=$((${#servers[@]} - 1))
    kill "-$1" "${servers[last]}" 2>/dev/null || true
    ends "${servers[last]}"
    unset "servers[last]"
}

# ends PID: within ten seconds, or it is made to
ends() {
    local tries
    for ((tries = 0; tries < 100; tries++)); do
        if ! kill -0 "$1" 2>/dev/null; then
            ended=0
            wait "$1" || ended=$?
            return 0
        fi
        sleep 0.1
    done
    ended=hung
    echo "$1 did not stop"
    kill -KILL "$1" 2>/dev/null || true
}

# eventually COMMAND...: tried again for up to 15 seconds
eventually() {
    local tries
    for ((tries = 0; tries < 150; tries++)); do
        if "$@"; then return 0; fi
        sleep 0.1
    done
    return 1
}

# comes_up COMMAND...: is true of the server that was started last, sooner or later, while it runs
comes_up() {
    eventually here_or_gone "$@" && "$@"
}
here_or_gone() { "$@" || ! kill -0 "${servers[-1]}" 2>/dev/null; }

stop_servers() {
    local pid
    for pid in "${servers[@]}"; do
        kill -TERM "$pid" 2>/dev/null || true
        ends "$pid"
    done
}
trap stop_servers EXIT
trap 'exit 1' TERM INT
