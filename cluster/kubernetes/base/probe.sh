# Whether the learner of this container is live, or ready: asks itself, on the loopback address. One that has ended waits to
# be looked at, and is not to be killed for that.
# Usage: bash probe.sh live|ready
[ "$1" != live ] || [ ! -e /tmp/ended ] || exit 0
exec 3<>/dev/tcp/127.0.0.1/9464 || exit 1
printf 'GET /%s HTTP/1.0\r\n\r\n' "$1" >&3
read -r -t 5 _ code _ <&3 || exit 1
[ "$code" = 200 ]
