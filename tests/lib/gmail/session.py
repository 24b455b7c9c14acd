"""One connection: reading commands, running them, telling what changed.

The commands themselves are in login.py, folders.py, fetching.py, changing.py
and search.py; each is a method do_VERB that returns the text of its OK, and
writes untagged answers by say().
"""

import contextlib
import socket
import threading
import time
import traceback

from . import names
from .changing import Changing
from .faults import GREETING
from .fetching import Fetching
from .folders import Folders
from .grammar import Bad, Command, No, Reader
from .login import Login
from .search import Searching
from .wire import Closed, Wire

ANY, OUT, IN, SELECTED = 'any', 'out', 'in', 'selected'

# Verb: in which state, and the capability that a server with it tells.
VERBS = {
    'CAPABILITY': (ANY, None), 'NOOP': (ANY, None), 'LOGOUT': (ANY, None),
    'ID': (ANY, 'ID'), 'STARTTLS': (OUT, None), 'LOGIN': (OUT, None),
    'AUTHENTICATE': (OUT, None), 'XYZZY': (ANY, 'X-GM-EXT-1'),
    'ENABLE': (IN, 'ENABLE'), 'NAMESPACE': (IN, 'NAMESPACE'),
    'COMPRESS': (IN, 'COMPRESS=DEFLATE'), 'SELECT': (IN, None),
    'EXAMINE': (IN, None), 'CREATE': (IN, None), 'DELETE': (IN, None),
    'RENAME': (IN, None), 'SUBSCRIBE': (IN, None),
    'UNSUBSCRIBE': (IN, None), 'LIST': (IN, None), 'LSUB': (IN, None),
    'XLIST': (IN, 'XLIST'), 'STATUS': (IN, None), 'APPEND': (IN, None),
    'IDLE': (IN, 'IDLE'), 'GETQUOTAROOT': (IN, 'QUOTA'),
    'GETQUOTA': (IN, 'QUOTA'), 'CHECK': (SELECTED, None),
    'CLOSE': (SELECTED, None), 'UNSELECT': (SELECTED, 'UNSELECT'),
    'EXPUNGE': (SELECTED, None), 'SEARCH': (SELECTED, None),
    'FETCH': (SELECTED, None), 'STORE': (SELECTED, None),
    'COPY': (SELECTED, None), 'MOVE': (SELECTED, 'MOVE'),
    'REPLACE': (SELECTED, 'REPLACE'),
}
WITH_UID = {'SEARCH', 'FETCH', 'STORE', 'COPY', 'MOVE', 'EXPUNGE', 'REPLACE'}
NO_EXPUNGE = {'FETCH', 'STORE', 'SEARCH'}	# RFC 3501 section 7.4.1


class Said(Exception):
    """The whole tagged answer of a command."""


class Session(Login, Folders, Fetching, Changing, Searching,
              threading.Thread):
    def __init__(self, server, sock, number, secure):
        super().__init__(daemon=True)
        self.server, self.number = server, number
        self.secure = secure	# TLS already
        self.wire = Wire(sock, server.counters,
                         lambda: server.switches.line_limit)
        self.user = self.store = None
        self.expires = None
        self.out, self.out_octets = [], 0
        self.utf8 = self.condstore = False
        self.ended = self.said_bye = False
        self.cut_after = None
        self.fault = None
        self.unselect()

    # ---------------------------------------------------------- life

    @property
    def profile(self):
        return self.server.profile

    @property
    def switches(self):
        return self.server.switches

    def run(self):
        try:
            if self.secure:
                self.wire.start_tls(self.server.tls)
            self.greet()
            reader = Reader(self.wire, self.literal_comes)
            while not self.ended:
                self.fault_known = False
                command = reader.command()
                if command is not None:
                    self.serve(command)
        except Closed:
            pass
        except Exception:	# ours: Server.close tells
            self.server.errors.append(traceback.format_exc())
        finally:
            self.wire.close()
            self.server.gone(self)

    def end(self, reset=False):
        self.wire.close(reset)
        raise Closed

    def stop(self):
        """From another thread."""
        self.wire.stop()

    # ------------------------------------------------------- talking

    def say(self, *pieces):
        """An untagged answer."""
        line = b'* ' + b' '.join(
            p if isinstance(p, bytes) else str(p).encode() for p in pieces
        ) + b'\r\n'
        self.out.append(line)
        self.out_octets += len(line)

    def tagged(self, command, text):
        tag = command.tag or b'*'
        self.out.append(tag + b' ' + text.encode() + b'\r\n')

    def flush(self):
        data, self.out, self.out_octets = b''.join(self.out), [], 0
        if self.cut_after is not None:
            data = data[:self.cut_after]
        self.wire.send(data)

    def go_ahead(self, data=b''):
        """A continuation request, and what the client says to it."""
        if self.fault and self.fault.where == 'continuation':
            text = self.suffer(self.fault)
            if text:
                raise Said(text)
        self.flush()
        self.wire.send(b'+ %s\r\n' % data)
        return self.wire.line().rstrip(b'\r\n')

    def name_out(self, name):
        return names.quoted(name if self.utf8 else names.to_utf7(name))

    # ------------------------------------------------------ commands

    def greet(self):
        fault, before, after = self.server.script.begin(GREETING)
        for what in before:
            what()
        if fault:
            self.bye(self.suffer(fault))
        self.wire.send(b'* OK %s\r\n' % self.profile.greeting(self).encode())
        for what in after:
            what()

    def begin(self, name):
        """Once a command, at its literal or at its end."""
        if not self.fault_known:
            self.fault_known = True
            self.fault, before, self.acts_after = \
                self.server.script.begin(name)
            for what in before:
                what()

    def literal_comes(self, size, sync, text):
        c = Command(text, [])
        if c.tag is None:
            self.say('BAD Could not parse command')
            self.flush()
            self.end()
        self.begin(c.name)
        refusal = self.refuses_literal(c, size, sync)
        if refusal:
            self.tagged(c, refusal)
            self.flush()
            if not sync and not refusal.startswith('NO'):
                self.end()
            if not sync:
                self.wire.take(size)
                self.wire.line()
            return False
        fault = self.fault
        if fault and fault.where == 'continuation' and sync:
            text = self.suffer(fault)
            if text:
                self.tagged(c, text)
                self.flush()
                return False
        if sync:
            self.wire.send(self.profile.go_ahead)
        if fault and fault.where == 'literal':
            self.wire.take(min(fault.octets, size))
            self.bye(self.suffer(fault))
        return True

    def refuses_literal(self, c, size, sync):
        if not self.knows(c):
            return 'BAD Unknown command'
        if not sync and not self.profile.takes_nonsync(size):
            return 'BAD Could not parse command'
        if c.verb == 'APPEND' or c.verb == 'REPLACE':
            if self.store is None:
                return 'BAD Not logged in'
            if size > self.switches.append_limit:
                return 'NO [TOOBIG] ' + self.profile.text(
                    'too_big', 'Message too large')
        elif size > 65536:
            return 'BAD Could not parse command'
        return None

    def serve(self, c):
        if c.tag is None or self.wire.too_long:
            self.tagged(c, 'BAD Could not parse command')
            self.flush()
            return
        self.begin(c.name)
        number = self.server.log_command(self, c)
        fault, answer = self.fault, None
        self.half = fault is not None and fault.where == 'half'
        if fault and fault.where == 'before':
            answer = self.suffer(fault, None, c)
        if fault and fault.where == 'reply':
            self.cut_after = fault.octets
        if answer is None:
            answer = self.execute(c, number)
            if fault and fault.where in ('after', 'half'):
                # With what was said untagged: the thing is done.
                answer = self.suffer(fault, answer) or answer
        for what in self.acts_after:
            what()
        self.server.log_answer(number, answer)
        if fault and fault.where == 'tagged':
            self.flush()
            self.suffer(fault)
        self.tagged(c, answer)
        self.flush()
        if self.cut_after is not None:
            self.suffer(fault)
        self.fault = None
        if c.verb == 'STARTTLS' and answer.startswith('OK'):
            self.wire.start_tls(self.server.tls)
            self.secure = True
        if c.verb == 'COMPRESS' and answer.startswith('OK'):
            self.wire.compress()

    def suffer(self, fault, answer=None, command=None):
        """Does what the fault says; returns an answer in place of the true
        one (ANSWER), None to go on as if nothing were."""
        do = fault.do
        if callable(do):
            do(self)
            return None
        if do == 'late':
            number = self.server.log_command(self, command)
            self.server.script.put_off(
                fault.later, lambda: self.land(command, number))
        if do in ('drop', 'rst', 'late'):
            self.end(do == 'rst')
        if do == 'silence':
            self.wire.silence()
        text = fault.text or self.profile.answer(do, answer)
        if do == 'bye':
            self.bye(text)
        return text

    def bye(self, text):
        """Ends the connection with these words, if there are any."""
        if text is not None:
            self.out.clear()
            self.say('BYE ' + text.replace('BYE ', '', 1))
            self.flush()
            self.end()

    def land(self, command, number):
        """What was put off is done, though nobody listens any more."""
        with contextlib.suppress(Closed):
            self.execute(command, number)

    def execute(self, c, number=None):
        """Runs it; returns its tagged answer."""
        store = None if c.verb == 'IDLE' else self.store
        try:
            with store.lock if store else contextlib.nullcontext():
                began = len(store.effects) if store else 0
                try:
                    return self.dispatch(c)
                finally:
                    if store:
                        self.server.log_effects(
                            number, store.effects[began:])
        except No as e:
            return self.profile.refusal(*e.args)
        except Bad as e:
            return self.profile.mistake(str(e))
        except Said as e:
            return str(e)

    def knows(self, c):
        if c.verb not in VERBS or (c.uid and c.verb not in WITH_UID):
            return False
        needs = VERBS[c.verb][1]
        if c.uid and c.verb == 'EXPUNGE':
            needs = 'UIDPLUS'
        return needs is None or self.profile.has(needs)

    def dispatch(self, c):
        if not self.knows(c):
            raise Bad('Unknown command')
        state = VERBS[c.verb][0]
        if self.expires and time.monotonic() > self.expires:
            self.bye('Session expired, please login again')
        if (state == OUT) == bool(self.store) and state != ANY:
            raise Bad('Command not allowed in this state' if self.store
                      else 'Not logged in')
        if state == SELECTED and self.folder is None:
            raise Bad('No folder selected')
        self.same_validity()
        args = c.arguments(self.utf8)
        done = getattr(self, 'do_' + c.verb.lower())(c, args)
        if self.folder is not None:
            self.tell(c.uid or c.verb not in NO_EXPUNGE,
                      c.verb in ('NOOP', 'IDLE'))
        return self.profile.ok(done, c)

    # ------------------------------------------- the selected folder

    def unselect(self):
        self.folder, self.read_only = None, False
        self.uids, self.told = [], {}
        self.version = self.validity = None

    def select(self, folder, read_only):
        self.unselect()
        self.folder, self.read_only = folder, read_only
        self.validity = folder.validity
        self.uids = self.store.visible(folder)
        self.told = {u: self.flags_at(u) for u in self.uids}
        self.version = folder.version

    def same_validity(self):
        """A session cannot go on with UIDs that mean other messages now."""
        if self.folder and self.folder.validity != self.validity:
            self.bye('Mailbox has changed, please login again')

    def flags_at(self, uid):
        p = self.folder[uid]
        return frozenset(p.message.all_flags(p))

    def tell(self, expunge=True, noop=False):
        """Untagged EXPUNGE, EXISTS and FETCH for what others did, and what
        a command of ours did to the folder."""
        folder = self.folder
        self.same_validity()
        if noop:
            self.store.noop()
        sw = self.switches
        if self.version == folder.version and not (
                sw.exists_lag or sw.folder_limit):
            return
        there = self.store.visible(folder)
        known, now = set(self.uids), set(there)
        gone = [i for i, u in enumerate(self.uids) if u not in now]
        if gone and expunge:
            self.say_expunged(gone)
            self.uids = [u for u in self.uids if u in now]
        new = [u for u in there if u not in known]
        if new or (gone and expunge and self.profile.exists_always):
            # A limit may also bring old ones into sight.
            self.uids = sorted(self.uids + new)
            self.say(len(self.uids), 'EXISTS')
        for u in new:
            self.told[u] = self.flags_at(u)
        for i, u in enumerate(self.uids, 1):
            if u in now and self.told.get(u) != self.flags_at(u):
                self.say_flags(i, u)
        if expunge or not gone:
            self.version = folder.version

    def say_expunged(self, gone):
        if self.switches.expunge_order == 'descending':
            numbers = [i + 1 for i in reversed(gone)]
        else:
            numbers = [i + 1 - k for k, i in enumerate(gone)]
        for n in numbers:
            self.say(n, 'EXPUNGE')

    def say_flags(self, number, uid, with_uid=False):
        self.told[uid] = self.flags_at(uid)
        items = []
        if with_uid or self.profile.labels:
            items.append(b'UID %d' % uid)
        if self.condstore:
            items.append(self.modseq_item(self.folder[uid]))
        items.append(self.flags_item(self.folder[uid]))
        self.say(number, 'FETCH (' + b' '.join(items).decode() + ')')

    # --------------------------------------------- simple commands

    def do_noop(self, c, args):
        args.end()
        if self.store:
            self.store.noop()
        return None

    do_check = do_noop

    def do_xyzzy(self, c, args):
        return 'Nothing happens'

    def do_logout(self, c, args):
        args.end()
        self.say('BYE', self.profile.text('bye', 'LOGOUT Requested'))
        self.ended = self.said_bye = True
        return self.profile.text('logout', 'LOGOUT completed')

    def do_idle(self, c, args):
        args.end()
        self.flush()
        here, there = socket.socketpair()
        there.setblocking(False)

        def wake():
            with contextlib.suppress(OSError):
                there.send(b'.')
        self.store.listeners.add(wake)
        try:
            self.wire.send(self.profile.idling)
            while not self.wire.wait(here, self.idle_step()):
                if self.folder is not None and self.switches.idle_tells:
                    with self.store.lock:
                        self.tell()
                    self.flush()
        finally:
            self.store.listeners.discard(wake)
            here.close()
            there.close()
        if self.wire.line().strip().upper() != b'DONE':
            raise Bad('DONE expected')
        return 'IDLE terminated'

    def idle_step(self):
        """Time passes, and what was late appears."""
        lag = self.switches.exists_lag
        return 0.05 if isinstance(lag, (int, float)) and lag else None
