"""A network of one's own, network_namespaces(7), where the system allows it. In it the loopback can be taken down: every packet that
anybody sends is lost and sent again by TCP later, which no proxy can do, since what it was given has been acknowledged."""
import contextlib
import ctypes
import fcntl
import os
import socket
import struct

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
IFREQ = "16sH22x"


def unshare(flags):
    return ctypes.CDLL(None, use_errno=True).unshare(flags) == 0


def write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def arrives():
    """A datagram to oneself."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        s.settimeout(0.05)
        try:
            s.sendto(b"x", s.getsockname())
            return s.recv(1) == b"x"
        except OSError:  # nothing came, or there is no way
            return False


def enter():
    """True: this process and its children are alone in a network whose loopback carries, and loses when it is down. Before the first thread is started. Who is not
    root gets a user namespace, too, in which everybody keeps their number."""
    user, group = os.getuid(), os.getgid()
    if not unshare(CLONE_NEWNET):
        if not unshare(CLONE_NEWUSER | CLONE_NEWNET):
            return False
        with contextlib.suppress(OSError):
            write("/proc/self/setgroups", "deny")
        write("/proc/self/uid_map", f"{user} {user} 1")
        write("/proc/self/gid_map", f"{group} {group} 1")
    seen = []
    for up in (True, False, True):
        loopback(up)
        seen.append(arrives())
    if seen != [True, False, True]:
        raise OSError(f"a loopback up, down, up: a datagram arrived {seen}")
    return True


def loopback(up):
    """Of this namespace: call it only after enter()."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        _, flags = struct.unpack(IFREQ, fcntl.ioctl(s, SIOCGIFFLAGS, struct.pack(IFREQ, b"lo", 0)))
        fcntl.ioctl(s, SIOCSIFFLAGS, struct.pack(IFREQ, b"lo", flags | IFF_UP if up else flags & ~IFF_UP))
