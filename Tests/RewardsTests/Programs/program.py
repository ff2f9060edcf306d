#!/usr/bin/env python3
"""A reward whose score is the length of the prompt, and which fails as it is told.

Usage: program.py MODE [FOLDER]; a file in FOLDER is left for each start.
"""
import json, os, subprocess, sys, time

mode, folder = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None
starts = 0
if folder:
    starts = len(os.listdir(folder))
    open(f"{folder}/{os.getpid()}", "w").close()
if mode == "deaf":
    time.sleep(600)
if mode == "parent":
    # Helpers of the program: one with what Foundation gave it, one with its output alone.
    for more in {"stdout": -3, "close_fds": False}, {}:
        helper = subprocess.Popen(["sleep", "600"], stdin=-3, stderr=-3, **more)
        open(f"{folder}/{helper.pid}", "w").close()
if mode == "chatty":
    print("loading the model", flush=True)
if mode == "hoarse":
    os.close(1)
    time.sleep(600)
if mode == "loud":
    sys.stderr.write("x" * 1_000_000 + "\n")
for line in sys.stdin:
    prompts = json.loads(line)["prompts"]
    rewards = [float(len(prompt)) for prompt in prompts]
    answer = json.dumps({"rewards": rewards})
    if mode == "crash" or (mode == "crash-twice" and starts < 2):
        sys.exit("no memory left")
    if mode == "killed":
        os.kill(os.getpid(), 9)
    if mode == "parent" and prompts[0] == "northwest":
        os.abort()
    if mode == "slow" or mode == "parent" and prompts[0] == "west":
        time.sleep(600)
    if mode == "error":
        answer = json.dumps({"error": "no model"})
    if mode == "garbage":
        answer = "0.5"
    if mode == "strings":
        answer = json.dumps({"rewards": ["0.5" for _ in prompts]})
    if mode == "truths":
        answer = json.dumps({"rewards": [True for _ in prompts]})
    if mode == "bytes":
        sys.stdout.buffer.write(b"\xff\xfe\n")
        sys.stdout.flush()
        continue
    if mode == "oversize":
        answer = "x" * (3 << 20)
    if mode == "endless":
        while True:
            sys.stdout.write("x" * 65536)
    if mode == "few":
        answer = json.dumps({"rewards": rewards[1:]})
    if mode == "many":
        answer = json.dumps({"rewards": rewards + [1]})
    if mode == "nan":
        answer = json.dumps({"rewards": [float("nan")] + rewards[1:]})
    if mode == "inf":
        answer = json.dumps({"rewards": [float("-inf")] + rewards[1:]})
    if mode == "null":
        answer = json.dumps({"rewards": [None] + rewards[1:]})
    if mode == "huge":
        answer = json.dumps({"rewards": [1e39] + rewards[1:]})
    if mode == "twice":
        answer += "\n" + answer
    if mode == "pid":
        answer = json.dumps({"rewards": [os.getpid() % 900_000 for _ in prompts]})
    print(answer, flush=True)
