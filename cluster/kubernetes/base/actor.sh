# What an actor's container does. The key is copied for the reason that learner.sh gives. $FLAGS are several words.
install -m 600 -t /keys /secrets/actor.key || exit 77
exec tributary actor --connect tcp://tributary-learner:5555 --key /keys/actor.key --name "$HOSTNAME" $FLAGS
