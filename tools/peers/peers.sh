# shellcheck shell=bash
# The other servers of tools/bench: where they come from and how each is started. Sourced after
# lib.sh. What is missing is fetched into build/peers/, without becoming part of the system: Debian's
# packages are unpacked there (apt-get download needs no rights), npm's are installed there.

peers_dir=$root/build/peers
peers=()          # those that can be run
declare -A why_not # and why the others cannot

nginx=
nchan_module=
nats_server=
bun=

fetch_deb() { # PACKAGE…: unpacks into build/peers/root
    local dir=$peers_dir/deb
    has_command apt-get dpkg-deb || return 1
    rm -rf "$dir"
    mkdir -p "$dir" "$peers_dir/root"
    (cd "$dir" && timeout 60 apt-get -q download "$@") >"$peers_dir/apt.log" 2>&1 || return 1
    local deb
    for deb in "$dir"/*.deb; do dpkg-deb -x "$deb" "$peers_dir/root" || return 1; done
}

fetch_npm() {
    has_command npm || return 1
    (cd "$peers_dir" && { [[ -e package.json ]] || echo '{"private":true}' >package.json; } &&
        timeout 180 npm install --no-fund --no-audit --silent ws@8 bun@1) >"$peers_dir/npm.log" 2>&1
}

find_nchan() {
    local dir
    nginx=$(PATH=$PATH:/usr/sbin command -v nginx || true)
    for dir in /usr/lib/nginx/modules /usr/share/nginx/modules "$peers_dir/root/usr/lib/nginx/modules"; do
        nchan_module=$dir/ngx_nchan_module.so
        [[ -e $nchan_module ]] && break
    done
    [[ $nchan_module != "$peers_dir"/* && -n $nginx ]] || nginx=$peers_dir/root/usr/sbin/nginx
    [[ -e $nchan_module && -x $nginx ]] && "$nginx" -v 2>/dev/null
}

# nchan makes nginx look for the directory it was compiled with, whatever the configuration says.
nginx_home=/var/lib/nginx
made_nginx_home=0
prepare_nchan_home() {
    if [[ ! -e $nginx_home ]] && mkdir "$nginx_home" 2>/dev/null; then made_nginx_home=1; fi
    [[ -w $nginx_home ]]
}
remove_nchan_home() {
    if ((made_nginx_home)); then rm -rf "$nginx_home"; fi
}

find_nats() {
    nats_server=$(PATH=$PATH:/usr/sbin command -v nats-server || true)
    [[ -n $nats_server ]] || nats_server=$peers_dir/root/usr/sbin/nats-server
    "$nats_server" --version >/dev/null 2>&1
}

find_bun() {
    bun=$(command -v bun || true)
    [[ -n $bun ]] || bun=$peers_dir/node_modules/.bin/bun
    "$bun" --version >/dev/null 2>&1
}

find_ws() {
    has_command node && [[ -e $peers_dir/node_modules/ws/package.json ]]
}

add_peer() { # NAME FIND FETCH…
    local name=$1 find=$2
    shift 2
    if ! "$find"; then
        say "fetching $name into build/peers/"
        "$@" || true
    fi
    if "$find"; then
        peers+=("$name")
    else
        why_not[$name]='not installed, and could not be fetched'
    fi
}

drop_peer() { # NAME WHY
    local name left=()
    for name in "${peers[@]}"; do
        [[ $name == "$1" ]] || left+=("$name")
    done
    peers=("${left[@]}")
    why_not[$1]=$2
}

prepare_peers() {
    mkdir -p "$peers_dir"
    add_peer bun find_bun fetch_npm
    add_peer node-ws find_ws fetch_npm
    add_peer nchan find_nchan fetch_deb nginx libnginx-mod-nchan
    add_peer nats find_nats fetch_deb nats-server
    has_command node || why_not[node-ws]='there is no node'
    if [[ " ${peers[*]} " == *' nchan '* ]] && ! prepare_nchan_home; then
        drop_peer nchan "it needs to write to $nginx_home"
    fi
    local name
    for name in "${!why_not[@]}"; do say "skipped: $name: ${why_not[$name]}"; done
}

peer_version() { # NAME
    case $1 in
    bun) echo "Bun $("$bun" --version)" ;;
    node-ws) echo "Node.js $(node --version), ws $(sed -n 's/.*"version": "\(.*\)".*/\1/p' \
        "$peers_dir/node_modules/ws/package.json")" ;;
    nchan) echo "nchan on $("$nginx" -v 2>&1 | sed 's/.*: //')" ;;
    nats) "$nats_server" --version | sed 's/: v/ /' ;;
    esac
}

free_port() {
    local port
    while port=$((20000 + RANDOM % 12000)); (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do :; done
    echo "$port"
}

nginx_config() { # PORT
    cat <<END
daemon off;
master_process off;
pid $work/nginx.pid;
error_log $work/nginx.log;
worker_rlimit_nofile $(ulimit -n);
load_module $nchan_module;
events { worker_connections $(($(ulimit -n) - 100)); }
http {
    access_log off;
    client_body_temp_path $work/nginx-body;
    proxy_temp_path $work/nginx-proxy;
    fastcgi_temp_path $work/nginx-fastcgi;
    uwsgi_temp_path $work/nginx-uwsgi;
    scgi_temp_path $work/nginx-scgi;
    client_body_buffer_size 1m;
    keepalive_requests 100000000;
    nchan_max_reserved_memory 256m;
    server {
        listen 127.0.0.1:$1 backlog=4096;
        location = /pub {
            nchan_publisher;
            nchan_channel_id all;
            nchan_store_messages off;
        }
        location = /sub {
            nchan_subscriber websocket;
            nchan_channel_id all;
            nchan_subscriber_first_message newest;
        }
    }
}
END
}

nats_config() { # PORT WEBSOCKET-PORT
    cat <<END
listen: "127.0.0.1:$1"
websocket { listen: "127.0.0.1:$2", no_tls: true, compression: false }
ping_interval: "10m"
max_connections: $(($(ulimit -n) - 100))
END
}

# start_peer NAME RATE BATCH BYTES TOPICS: sets server_pid, url and dialect. Brokers get their
# messages from a program of their own, on the core of the clients.
start_peer() {
    local name=$1 port
    shift
    dialect=()
    case $name in
    bun) start_server "$bun" "$tools/peers/bun.mjs" "$@" ;;
    node-ws) start_server node "$tools/peers/node.mjs" "$@" ;;
    nchan)
        port=$(free_port)
        nginx_config "$port" >"$work/nginx.conf"
        start_broker "$port" "$nginx" -p "$work" -e "$work/nginx.log" -c "$work/nginx.conf" || return
        url=http://127.0.0.1:$port/sub
        dialect=(--dialect bare)
        start_publisher "$@" nchan "$port"
        ;;
    nats)
        port=$(free_port)
        url=http://127.0.0.1:$((port + 1))/
        nats_config "$port" "$((port + 1))" >"$work/nats.conf"
        start_broker "$((port + 1))" "$nats_server" -c "$work/nats.conf" || return
        dialect=(--dialect nats)
        start_publisher "$@" nats "$port"
        ;;
    esac
}
