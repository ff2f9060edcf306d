# What the learner's container does. The keys are copied, because the program wants them readable by itself alone, and
# a Secret's files are their group's, too. A StatefulSet starts again whatever ends: where the exit code says that this
# does not help (finished, or wrong), the container waits, unready, to be looked at.
set -u
child='' wish=''
trap 'wish=end; [ -z "$child" ] || kill -TERM "$child"' TERM
rm -f /tmp/ended
install -m 600 -t /keys /secrets/learner.key /secrets/allowed || exit 77
# $FLAGS are several words. The probes ask at the address of --metrics; FLAGS may give another one for the same port.
tributary learner "$PRESET" --run /run-folder/run --listen 'tcp://*:5555' --keys /keys \
  --metrics 127.0.0.1:9464 $FLAGS &
child=$!
status=0
wait "$child" || status=$?
while kill -0 "$child" 2>/dev/null; do
  status=0
  wait "$child" || status=$?
done
[ -z "$wish" ] || exit "$status"
case $status in
  0 | 4 | 64 | 77 | 78)
    echo "the learner ended with exit code $status, and is not started again"
    echo "$status" >/tmp/ended
    sleep infinity &
    child=$!
    wait "$child"
    ;;
  *) exit "$status" ;;
esac
