"""The passphrase of the CA's key asked for on a terminal: asked twice when it is new, never shown, and nothing is made when the
two differ. The terminal is a pseudo-terminal; the programs do not know."""
import pty
import select
import shutil
import subprocess
import tempfile

from base import *  # noqa: F403

PASSPHRASE = "春眠不觉晓-8f3"


class Terminal:
    """A program with a controlling terminal of its own."""

    def __init__(self, *command):
        self.pid, self.end = pty.fork()
        if self.pid == 0:
            os.environ["LANG"] = os.environ["LC_ALL"] = "C.UTF-8"
            os.execv(command[0], command)
        self.shown = b""

    def expect(self, text):
        """Reads until `text` is shown (after what was shown last)."""
        deadline = time.monotonic() + 30
        while text.encode() not in self.shown:
            if not select.select([self.end], [], [], max(0, deadline - time.monotonic()))[0]:
                raise AssertionError(f"waited for {text!r}, saw {self.shown!r}")
            self.shown += self.read()
        self.shown = self.shown.split(text.encode(), 1)[1]

    def read(self):
        try:
            data = os.read(self.end, 4096)
        except OSError:  # EIO: the program ended
            data = b""
        if not data:
            raise AssertionError(f"it ended; shown: {self.shown!r}")
        return data

    def type(self, line):
        os.write(self.end, line.encode() + b"\n")

    def finish(self):
        """Its exit code, and all it still showed."""
        rest = self.shown
        try:
            while data := os.read(self.end, 4096):
                rest += data
        except OSError:
            pass
        os.close(self.end)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1]), rest.decode()


class Prompt(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        try:
            for end in pty.openpty():
                os.close(end)
        except OSError as error:
            raise unittest.SkipTest(f"no pseudo-terminals here: {error}") from error

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="lianfang-prompt-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.ca = f"{self.folder}/ca"

    def program(self, *arguments):
        return Terminal(f"{House.bin}/lianfang-ca", *arguments, "--lang", "en")

    def found(self, first=PASSPHRASE, second=PASSPHRASE):
        terminal = self.program("init", self.ca, "--name", "试验", "--ask-passphrase")
        terminal.expect("New passphrase: ")
        terminal.type(first)
        terminal.expect("Once more: ")
        terminal.type(second)
        return terminal.finish()

    def issue(self, passphrase):
        terminal = self.program("issue", "node", "310000", "--ca", self.ca, "--out", f"{self.folder}/node")
        terminal.expect("Passphrase of the CA's key: ")
        terminal.type(passphrase)
        return terminal.finish()

    def test_it_locks_the_key_and_is_not_shown(self):
        code, shown = self.found()
        self.assertEqual(code, 0, shown)
        self.assertNotIn(PASSPHRASE, shown)
        with open(f"{self.ca}/ca.key", encoding="ascii") as key:
            self.assertIn("BEGIN ENCRYPTED PRIVATE KEY", key.read())
        code, shown = self.issue("不是这个")
        self.assertNotEqual(code, 0)
        self.assertFalse(os.path.exists(f"{self.folder}/node/identity.key"), shown)
        code, shown = self.issue(PASSPHRASE)
        self.assertEqual(code, 0, shown)
        self.assertNotIn(PASSPHRASE, shown)

    def test_two_that_differ_make_nothing(self):
        code, shown = self.found(second=PASSPHRASE + "x")
        self.assertNotEqual(code, 0)
        self.assertIn("not the same", shown)
        self.assertFalse(os.path.exists(self.ca) and os.listdir(self.ca), "nothing is left behind")

    def test_an_empty_one_is_refused(self):
        terminal = self.program("init", self.ca, "--name", "试验", "--ask-passphrase")
        terminal.expect("New passphrase: ")
        terminal.type("")
        code, shown = terminal.finish()
        self.assertNotEqual(code, 0)
        self.assertIn("empty", shown)

    def test_without_a_terminal_it_says_what_to_do(self):
        done = subprocess.run([f"{House.bin}/lianfang-ca", "init", self.ca, "--name", "试验", "--ask-passphrase", "--lang", "en"],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, start_new_session=True, timeout=60)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("--passphrase-file", done.stderr)


main()
