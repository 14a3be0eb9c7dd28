"""The systems that are measured: each started afresh for a round, in a folder of its own, on loopback, and stopped by its pid."""
import glob
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
from house import Failure, House, free_port, wait_until  # noqa: E402

MECHANISMS = sorted(glob.glob(os.path.join(HERE, "..", "..", "broker", "mechanisms", "*.yaml")))
BENCH_MECHANISM = os.path.join(HERE, "bench.yaml")
# Members of no mechanism narrower than the national one, so that it carries what passes between them.
PUBLISHERS = ["410000", "420000", "430000"]
RECIPIENTS = ["510000", "520000", "530000"]
PROVINCES = ["100000", "110000", "120000", "130000", "140000", "150000", "210000", "220000", "230000", "310000",
             "320000", "330000", "340000", "350000", "360000", "370000", "410000", "420000", "430000", "440000",
             "450000", "460000", "500000", "510000", "520000", "530000", "540000", "610000", "620000", "630000",
             "640000", "650000", "660000"]


class Server:
    """A child process with its log in the folder."""

    def __init__(self, command, folder, environment=None):
        self.log_path = os.path.join(folder, "server.log")
        with open(self.log_path, "ab") as log:
            try:
                self.child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder,
                                              env=dict(os.environ, **(environment or {})))
            except OSError as error:
                raise Failure(f"{command[0]}: {error.strerror}") from error
        self.pid = self.child.pid

    def tail(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return "".join(file.readlines()[-20:])

    def check(self):
        if self.child.poll() is not None:
            raise Failure(f"the server ended with {self.child.returncode}:\n{self.tail()}")

    def stop(self):
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(60)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()


def listening(port):
    with socket.socket() as s:
        s.settimeout(1)
        return s.connect_ex(("127.0.0.1", port)) == 0


def version_of(package):
    result = subprocess.run(["dpkg-query", "-W", "-f=${Version}", package], capture_output=True, text=True)
    return result.stdout if result.returncode == 0 else "not installed"


class System:
    """One way to carry messages. round() gives what the driver printed."""

    name = program = ""
    packages = ()
    durability = ""

    def __init__(self, bench):
        self.bench = bench  # .programs, .folder, .tls()
        self.folder = self.server = None

    def missing(self):
        """Why it cannot be measured; None: it can."""
        if not os.path.exists(f"{self.bench.programs}/{self.program}"):
            return f"{self.program} is not built: its client library is not installed"
        return None

    def versions(self):
        return {package: version_of(package) for package in self.packages}

    def start(self, scenario):
        raise NotImplementedError

    def stop(self):
        if self.server is not None:
            self.server.stop()
            self.server = None

    def arguments(self, scenario):
        return []

    def round(self, scenario, options):
        """options: of the driver (common/plan.h). The round is void when the driver says so."""
        self.folder = tempfile.mkdtemp(prefix=f"{self.name}-", dir=self.bench.folder)
        try:
            pid, port = self.start(scenario)
            command = [f"{self.bench.programs}/{self.program}", "--server-pid", str(pid), "--port", str(port),
                       *self.arguments(scenario), *options]
            try:
                result = subprocess.run(command, capture_output=True, text=True, timeout=300)
            except subprocess.TimeoutExpired as late:
                raise Failure(f"{' '.join(command)}: not done in five minutes\n{self.log()}") from late
            if result.returncode != 0:
                raise Failure(f"{' '.join(command)}: exit {result.returncode}\n{result.stderr}{self.log()}")
            return result.stdout
        finally:
            self.stop()
            shutil.rmtree(self.folder, ignore_errors=True)

    def log(self):
        return ""


class Lianfang(System):
    name, program = "lianfang", "bench-lianfang"
    packages = ("libzmq5", "liblmdb0", "libssl3")
    policy = None  # instead of those of the house
    durability = "a journal, flushed before `admitted`, in front of a synced LMDB; encrypted under day keys; signed end to end"

    def start(self, scenario):
        house = self.bench.house()
        broker = house.broker
        policy = self.policy or (house.policy_bench if scenario.bench_mechanism else house.policy)
        broker.configure(data=f"{self.folder}/data", policy=policy, pulse_ms=5000, map_mib=scenario.map_mib)
        flow = {"publisher": scenario.publishers, "recipient": scenario.recipients}
        with open(f"{house.folder}/roles", "w", encoding="utf-8") as roles:
            roles.write("policy 1\n")
            for role, regions in flow.items():
                roles.writelines(f"{role} {region}\n" for region in regions)
            roles.write(f"flow {scenario.flow}\nalert bench 3 1 0 named\n")
        broker.start().wait_ready()
        return broker.child.pid, broker.port

    def stop(self):
        self.bench.house().broker.stop()

    def arguments(self, scenario):
        return ["--folder", self.bench.house().folder]

    def log(self):
        return self.bench.house().broker.tail(20)

    def versions(self):
        return {**super().versions(), "lianfang": self.bench.commit}


class Bare(System):
    name, program = "bare", "bench-bare"
    durability = "LMDB, synced (two flushes) before it is confirmed; not encrypted"

    def start(self, scenario):
        self.server = Server([f"{self.bench.programs}/bench-bare-server", self.folder], self.folder)
        wait_until(lambda: self.server.check() or os.path.exists(f"{self.folder}/server"), "the bare server")
        return self.server.pid, 0

    def arguments(self, scenario):
        return ["--folder", self.folder]


class Peer(System):
    server_program = ""

    def missing(self):
        if shutil.which(self.server_program) is None and not os.path.exists(self.server_program):
            return f"{self.server_program} is not installed"
        return super().missing()

    def arguments(self, scenario):
        window = scenario.peer_window.get(self.name)
        return ["--folder", self.bench.tls(), *(["--extra", f"window={window}"] if window else [])]

    def write(self, name, text):
        with open(f"{self.folder}/{name}", "w", encoding="utf-8") as file:
            file.write(text)
        return f"{self.folder}/{name}"

    def log(self):
        return "" if self.server is None else self.server.tail()


class Nats(Peer):
    name, program, server_program = "nats", "bench-nats", "nats-server"
    packages = ("nats-server", "libnats3.4")
    durability = ("JetStream file storage: written, NOT synced for each message (sync_interval 2 min): "
                  "a confirmed message may be lost with the machine")

    def start(self, scenario):
        port, tls = free_port(), self.bench.tls()
        config = self.write("nats.conf", f"""
host: 127.0.0.1
port: {port}
jetstream {{ store_dir: "{self.folder}/store", max_memory_store: 1GB, max_file_store: 30GB }}
tls {{ cert_file: "{tls}/server.pem", key_file: "{tls}/server.key" }}
""")
        self.server = Server(["nats-server", "-c", config], self.folder)
        wait_until(lambda: self.server.check() or listening(port), "nats-server")
        return self.server.pid, port


class Rabbitmq(Peer):
    name, program, server_program = "rabbitmq", "bench-rabbitmq", "/usr/lib/rabbitmq/bin/rabbitmq-server"
    packages = ("rabbitmq-server", "erlang-base", "librabbitmq4")
    durability = "quorum queues, one node: written to the Raft log and synced before it is confirmed"
    epmd = None

    def start(self, scenario):
        port, tls, folder = free_port(), self.bench.tls(), self.folder
        config = self.write("rabbitmq.conf", f"""
listeners.tcp = none
listeners.ssl.1 = 127.0.0.1:{port}
ssl_options.cacertfile = {tls}/ca.pem
ssl_options.certfile = {tls}/server.pem
ssl_options.keyfile = {tls}/server.key
ssl_options.verify = verify_none
disk_free_limit.absolute = 100MB
""")
        self.write("enabled_plugins", "[].\n")
        epmd_port = str(free_port())
        environment = {
            "HOME": folder, "RABBITMQ_NODENAME": "bench@localhost", "RABBITMQ_CONFIG_FILE": config,
            "RABBITMQ_MNESIA_BASE": f"{folder}/mnesia", "RABBITMQ_LOG_BASE": f"{folder}/log",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/enabled_plugins", "RABBITMQ_PID_FILE": f"{folder}/pid",
            "RABBITMQ_DIST_PORT": str(free_port()), "RABBITMQ_CONF_ENV_FILE": f"{folder}/no-such-file",
            "ERL_EPMD_PORT": epmd_port, "ERL_EPMD_ADDRESS": "127.0.0.1",
        }
        self.epmd = Server(["epmd", "-port", epmd_port], folder, environment)
        self.server = Server([self.server_program], folder, environment)
        wait_until(lambda: self.server.check() or listening(port), "rabbitmq-server", 120)
        with open(f"{folder}/pid", encoding="ascii") as file:
            return int(file.read()), port

    def stop(self):
        super().stop()
        if self.epmd is not None:
            self.epmd.stop()
            self.epmd = None


class Mosquitto(Peer):
    name, program, server_program = "mosquitto", "bench-mosquitto", "/usr/sbin/mosquitto"
    packages = ("mosquitto", "libmosquitto1")
    durability = ("QoS 1, persistence on: kept in memory, written to a file every 30 min and at exit: "
                  "a confirmed message may be lost with the process")

    def start(self, scenario):
        port, tls = free_port(), self.bench.tls()
        config = self.write("mosquitto.conf", f"""
user root
listener {port} 127.0.0.1
certfile {tls}/server.pem
keyfile {tls}/server.key
allow_anonymous true
persistence true
persistence_location {self.folder}/
max_queued_messages 0
max_inflight_messages 1000
set_tcp_nodelay true
log_type error
""")
        self.server = Server([self.server_program, "-c", config], self.folder)
        wait_until(lambda: self.server.check() or listening(port), "mosquitto")
        return self.server.pid, port


ALL = (Lianfang, Bare, Nats, Rabbitmq, Mosquitto)


class Bench:
    """What systems share: where programs are, one installation's certificates, TLS for the others."""

    def __init__(self, programs, commit):
        self.programs = os.path.abspath(programs)
        self.commit = commit
        self.folder = tempfile.mkdtemp(prefix="lianfang-bench-")
        self._house = self._tls = None

    def close(self):
        if self._house is not None:
            self._house.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def house(self):
        """CA, broker, 33 members of the national mechanism and one liaison, so that a measure of one goes to 33."""
        if self._house is None:
            house = House(self.programs, folder=f"{self.folder}/house")
            os.mkdir(house.folder)
            house.found([*PROVINCES, "810000"], mechanisms=MECHANISMS)
            house.policy_bench = f"{house.folder}/policy-bench.bin"
            house.sign_policy([*MECHANISMS, BENCH_MECHANISM], out=house.policy_bench)
            self._house = house
        return self._house

    def tls(self):
        """ca.pem, server.pem, server.key: P-256, for localhost."""
        if self._tls is None:
            folder = self._tls = f"{self.folder}/tls"
            os.mkdir(folder)

            def openssl(*words):
                subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=folder)
            curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
            openssl("req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=bench CA",
                    "-days", "30")
            openssl("req", *curve, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost")
            with open(f"{folder}/san", "w", encoding="ascii") as file:
                file.write("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
            openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                    "-out", "server.pem", "-days", "30", "-extfile", "san")
        return self._tls


def pause():
    """Between rounds: what the last one left to write is written."""
    os.sync()
    time.sleep(0.2)
