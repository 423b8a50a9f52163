#!/bin/sh
# What the layout promises: dependencies point one way. Run from the root of the sources.
set -eu
failed=0
refuse() {
    echo "$1:"
    echo "$2"
    failed=1
}
hits=$(grep -rn '#include "\(server\|web\|tools\)/' feed || true)
[ -z "$hits" ] || refuse "feed must know nothing of the other folders" "$hits"
hits=$(grep -rn '#include.*\(libwebsockets\|jansson\)' feed |
    grep -v '^feed/live_ws\.c:.*<libwebsockets\.h>' || true)
[ -z "$hits" ] || refuse "feed must not use jansson, nor, outside live_ws.c, libwebsockets" "$hits"
public='event\|decimal\|streams\|item\|bus\|feed\|histogram\|when\|recorder\|restore'
hits=$(grep -rn '#include "feed/' server | grep -v "#include \"feed/\($public\)\.h\"" || true)
[ -z "$hits" ] || refuse "the server uses a header of feed that is not public" "$hits"
hits=$(grep -rnl 'lws_write(' server | grep -v '^server/\(session\|answer\)\.c$' || true)
[ -z "$hits" ] || refuse "lws_write() stays in session.c (frames) and answer.c (responses)" "$hits"
# Every version formats a little differently; ours is Debian 12's.
if clang-format --version 2>/dev/null | grep -q 'version 14\.'; then
    hits=$(clang-format --dry-run $(git ls-files 'feed/*.[ch]' 'server/*.[ch]' 'tools/*.[ch]' \
        'tests/*.[ch]' 'web/*.[ch]' 2>/dev/null) 2>&1 | grep -c 'warning:' || true)
    [ "$hits" = 0 ] || refuse "clang-format would change lines" "$hits"
fi
exit $failed
