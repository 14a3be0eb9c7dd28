"""An installation on this machine for tests and the demo: CA, broker, nodes, on loopback, in one temporary folder.

Everything the programs are told goes through the files and commands a person would use. Processes that are started are stopped by
their id; nothing sleeps: waiting is for a condition, with a deadline.
"""
import json
import os
import re
import secrets
import hashlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

INSTALLATION = "联防演示"


class Failure(Exception):
    pass


def wait_until(condition, what, seconds=30.0):
    """The first true value of condition(); Failure after the deadline."""
    end = time.monotonic() + seconds
    pause = 0.005
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f"waited {seconds:.0f} s for: {what}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Process:
    """One daemon, its log in a file of the folder."""

    def __init__(self, house, name, arguments):
        self.house, self.name, self.arguments = house, name, arguments
        self.log_path = f"{house.folder}/{name}.log"
        self.child = None
        self.environment = {}  # of this process alone, above the house's

    def start(self):
        log = open(self.log_path, "ab")
        environment = dict(os.environ, LC_ALL="C.UTF-8", **{**self.house.environment, **self.environment})
        self.child = subprocess.Popen(self.arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                      env=environment)
        log.close()
        return self

    def alive(self):
        return self.child is not None and self.child.poll() is None

    def check(self):
        if self.child is not None and self.child.poll() is not None:
            raise Failure(f"{self.name} ended with {self.child.returncode}; log:\n{self.tail()}")
        return True

    def send(self, number):
        self.child.send_signal(number)

    def stop(self, number=signal.SIGTERM, seconds=20):
        if self.child is None:
            return None
        if self.child.poll() is None:
            self.child.send_signal(number)
            try:
                self.child.wait(seconds)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
                raise Failure(f"{self.name} did not stop within {seconds} s; log:\n{self.tail()}")
        code = self.child.returncode
        self.child = None
        return code

    def kill(self):
        self.stop(signal.SIGKILL)

    def log(self):
        try:
            with open(self.log_path, encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def tail(self, lines=30):
        return "\n".join(self.log().splitlines()[-lines:])


class Broker(Process):
    def __init__(self, house, name="broker", hosts=()):
        self.data = f"{house.folder}/{name}-data"
        self.identity = f"{house.folder}/{name}-identity"
        self.port = free_port()
        self.socket = f"{house.folder}/{name}.sock"
        self.hosts = hosts
        self.config = f"{house.folder}/{name}.yaml"
        super().__init__(house, name, [house.program("lianfang-broker"), "-c", self.config])

    def configure(self, **changes):
        lines = {
            "installation": INSTALLATION, "data": self.data, "identity": self.identity,
            "ca": self.house.ca_certificate, "directory": f"{self.house.publish}/directory.bin",
            "crl": f"{self.house.publish}/crl.der", "policy": self.house.policy,
            "listen": f"[tcp://127.0.0.1:{self.port}]", "http": f"[{self.socket}]", "pulse_ms": self.house.pulse_ms,
            "log": f"{{level: info, language: {self.house.language}}}", "map_mib": 1024,
        }
        if self.hosts:
            lines["hosts"] = "[" + ", ".join(self.hosts) + "]"
        lines.update(changes)
        with open(self.config, "w", encoding="utf-8") as file:
            file.writelines(f"{key}: {value}\n" for key, value in lines.items())
        return self

    def get(self, target):
        return json.loads(self.house.curl(self.socket, target))

    def status(self):
        return self.get("/v1/status")

    def links(self):
        return {link["region"]: link for link in self.get("/v1/links")["links"]}

    def command(self, *words):
        return subprocess.run([self.house.program("lianfang-broker"), "-c", self.config, *words], capture_output=True,
                              text=True, env=dict(os.environ, **self.house.environment))

    def wait_ready(self, seconds=20):
        def ready():
            self.check()
            # a killed one leaves its socket behind: only an answer says that this one listens
            return self.house.listening(self.port) and self.house.http(self.socket, "GET", "/v1/status")[0] == 200
        wait_until(ready, f"{self.name} ready", seconds)
        return self


class Node(Process):
    def __init__(self, house, region, brokers=None, name=None, identity=None):
        self.region = region
        self.brokers = brokers
        name = name or f"node-{region}"
        self.data = f"{house.folder}/{name}-data"
        self.identity = identity or f"{house.folder}/node-{region}-identity"
        self.socket = f"{house.folder}/{name}.sock"
        self.config = f"{house.folder}/{name}.yaml"
        self.tokens = f"{house.folder}/{name}-tokens.yaml"
        self.token_file = f"{house.folder}/{name}.token"
        self.map_mib = 1024
        super().__init__(house, name, [house.program("lianfang-node"), "-c", self.config])

    def configure(self):
        house = self.house
        brokers = self.brokers or [(house.broker, "[all]")]
        token = secrets.token_hex(16)
        house.write(self.token_file, token + "\n")
        digest = hashlib.sha256(token.encode()).hexdigest()
        house.write(self.tokens, "tokens:\n  - digest: %s\n    label: 值班一席\n    unit: command\n"
                    "    roles: [duty, logistics, operator, auditor, admin]\n" % digest)
        text = (f"region: {self.region}\ninstallation: {INSTALLATION}\ndata: {self.data}\n"
                f"identity: {self.identity}\nca: {house.ca_certificate}\npulse_ms: {house.pulse_ms}\n"
                f"http: [{self.socket}]\ntokens: {self.tokens}\nmap_mib: {self.map_mib}\nlog: {{level: info, language: en}}\n"
                "brokers:\n")
        for broker, mechanisms in brokers:
            text += (f"  - name: {broker.name}\n    endpoint: tcp://{getattr(broker, 'host', '127.0.0.1')}:{broker.port}\n"
                     f"    key: {broker.identity}/transport.pem\n    mechanisms: {mechanisms}\n")
        house.write(self.config, text)
        return self

    # --- the command line, as an officer uses it
    def cli(self, *words, lang="en", input=None, check=False, json_out=False):
        command = [self.house.program("lianfang"), "--node", f"unix:{self.socket}", "--token-file", self.token_file,
                   "--lang", lang]
        if json_out:
            command.append("--json")
        result = subprocess.run(command + [str(w) for w in words], capture_output=True, input=input,
                                env=dict(os.environ, **self.house.environment))
        result.stdout = result.stdout.decode("utf-8", "replace")
        result.stderr = result.stderr.decode("utf-8", "replace")
        if check and result.returncode != 0:
            raise Failure(f"lianfang {' '.join(map(str, words))} at {self.region}: exit {result.returncode}\n"
                          f"{result.stdout[-2000:]}{result.stderr[-2000:]}")
        return result

    def json(self, *words, **options):
        return json.loads(self.cli(*words, json_out=True, check=True, **options).stdout or "null")

    def api(self, method, target, body=None, headers=()):
        """Straight to the HTTP API: (status, decoded body)."""
        with open(self.token_file, encoding="utf-8") as file:
            token = file.read().strip()
        return self.house.http(self.socket, method, target, body, [f"Authorization: Bearer {token}", *headers])

    def links(self):
        status, body = self.api("GET", "/v1/links")
        return body["links"] if status == 200 else []

    def up(self):
        self.check()
        return os.path.exists(self.socket) and all(link["state"] == "up" for link in self.links() or [{"state": ""}])

    def wait_up(self, seconds=30):
        wait_until(self.up, f"{self.name} linked to its broker", seconds)
        return self


class House:
    """with House(bin) as house: house.found([...regions]) ..."""

    def __init__(self, programs, keep=False, folder=None, pulse_ms=1000):
        self.programs = os.path.abspath(programs)
        self.folder = folder or tempfile.mkdtemp(prefix="lianfang-")
        self.keep = keep
        self.pulse_ms = pulse_ms
        self.environment = {}
        self.language = "en"  # of the daemons' logs and operator commands
        self.ca = f"{self.folder}/ca"
        self.ca_certificate = f"{self.ca}/ca.pem"
        self.ca_options = []  # of lianfang-ca init
        self.publish = f"{self.folder}/publish"
        self.policy = f"{self.folder}/policy.bin"
        self.broker, self.nodes, self.processes = None, {}, []

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if not self.keep:
            self.close()

    def close(self):
        problems = []
        for process in reversed(self.processes):
            try:
                process.stop()
            except Failure as failure:
                problems.append(str(failure))
        shutil.rmtree(self.folder, ignore_errors=True)
        if problems:
            raise Failure("; ".join(problems))

    # --- small things
    def program(self, name):
        return f"{self.programs}/{name}"

    def preload(self, *sources):
        """C files compiled into libraries of this folder: the value of LD_PRELOAD for a daemon, first in the list asked first. A
        sanitizer's library, when the programs have one, must come before all."""
        libraries = []
        for source in sources:
            library = f"{self.folder}/{os.path.basename(source)}.so"
            if not os.path.exists(library):
                self.run(os.environ.get("CC", "cc"), "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-O1",
                         "-o", library, source, "-ldl")
            libraries.append(library)
        linked = self.run("ldd", self.program("lianfang-node")).stdout
        sanitizer = re.search(r"=> (\S*lib[at]san\S*)", linked)
        return " ".join(([sanitizer.group(1)] if sanitizer else []) + libraries)

    def write(self, path, text):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)

    def run(self, *words, check=True, input=None):
        result = subprocess.run([str(w) for w in words], capture_output=True, text=True, input=input,
                                env=dict(os.environ, **self.environment))
        if check and result.returncode != 0:
            raise Failure(f"{' '.join(map(str, words))}: exit {result.returncode}\n{result.stdout}{result.stderr}")
        return result

    def ca_tool(self, *words, check=True):
        return self.run(self.program("lianfang-ca"), "--lang", "en", *words, check=check)

    def listening(self, port):
        with socket.socket() as s:
            s.settimeout(1)
            return s.connect_ex(("127.0.0.1", port)) == 0

    def http(self, unix_path, method, target, body=None, headers=()):
        import http.client

        class UnixConnection(http.client.HTTPConnection):
            def connect(self):
                self.sock = socket.socket(socket.AF_UNIX)
                self.sock.settimeout(60)
                self.sock.connect(unix_path)

        connection = UnixConnection("localhost")
        try:
            lines = dict(line.split(": ", 1) for line in headers)
            if body is not None and not isinstance(body, (bytes, str)):
                body = json.dumps(body, ensure_ascii=False)
            if isinstance(body, str):
                body = body.encode()
            connection.request(method, target, body, lines)
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):  # not there, or killed in the middle of its answer
            return 0, {}
        finally:
            connection.close()
        try:
            return answer.status, json.loads(text)
        except ValueError:
            return answer.status, text.decode("utf-8", "replace")

    def curl(self, unix_path, target):
        status, body = self.http(unix_path, "GET", target)
        if status != 200:
            raise Failure(f"{unix_path} {target}: HTTP {status} {body}")
        return json.dumps(body)

    # --- the installation
    def make_ca(self):
        self.ca_tool("init", self.ca, "--name", INSTALLATION, *self.ca_options)

    def issue(self, *what, out):
        self.ca_tool("issue", *what, "--ca", self.ca, "--out", out)

    def publish_trust(self):
        """directory.bin and crl.der, as the operator hands them to the broker."""
        os.makedirs(self.publish, exist_ok=True)
        self.ca_tool("directory", "--ca", self.ca, "--out", f"{self.publish}/directory.bin")
        shutil.copy(f"{self.ca}/crl.der", f"{self.publish}/crl.der")

    def sign_policy(self, mechanisms, version=1, out=None):
        files = [m if os.path.sep in m else f"{self.mechanisms}/{m}.yaml" for m in mechanisms]
        self.run(self.program("lianfang"), "--lang", "en", "rules", "sign", "--identity", f"{self.folder}/secretary",
                 "--version", version, "--out", out or self.policy, *files)

    mechanisms = os.path.join(os.path.dirname(__file__), "..", "..", "broker", "mechanisms")

    def found(self, regions, mechanisms=("yangtze-delta", "northeast-three", "national")):
        """CA, broker, secretary, certificates of the regions, signed policy; nothing is started."""
        self.make_ca()
        self.broker = Broker(self)
        self.processes.append(self.broker)
        self.issue("broker", out=self.broker.identity)
        self.issue("secretary", "310000", "--id", "cooperation-office", out=f"{self.folder}/secretary")
        for region in regions:
            self.add_node(region)
        self.publish_trust()
        self.sign_policy(mechanisms)
        self.broker.configure()
        return self

    def add_node(self, region, **options):
        node = Node(self, region, **options)
        if not os.path.exists(node.identity):
            self.issue("node", region, out=node.identity)
        self.nodes[region] = node
        self.processes.append(node)
        return node

    def start(self):
        self.broker.start().wait_ready()
        for node in self.nodes.values():
            node.configure().start()
        for node in self.nodes.values():
            node.wait_up()
        return self
