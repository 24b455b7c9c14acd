"""Messages and the folders that show them: what both kinds of server have.

A Message exists once.  A Folder shows messages under UIDs of its own; each
showing is a Placement.  On Gmail a message stands in many folders
(gmailstore), elsewhere in one (plainstore).  Sessions never hear from the
store what has happened: they look at the folder they have selected and tell
the difference.

Everything is done under `lock`; `changed` is called after each change.
"""

import bisect
import hashlib
import pickle
import random
import threading
import time

from . import mime
from .grammar import No

FIRST_MODSEQ = 1000


class Message:
    """flags: without \\Deleted, which belongs to placements.  place: 'mail',
    'trash' or 'spam'.  date: INTERNALDATE in seconds."""

    def __init__(self, guid, raw, date, flags=(), labels=(), place='mail'):
        self.guid, self.raw, self.date = guid, raw, date
        self.thread = guid
        self.flags, self.labels = set(flags), set(labels)
        self.place = place
        self.star_of_web = False	# a star that flags do not take away
        self.modseq = 0
        self.purged_once = False
        self.unindexed = None
        self.placements = {}	# folder name: Placement
        self.email_id = 'M' + hashlib.sha256(raw).hexdigest()[:24]
        self.message_id = mime.message_id(raw)

    def all_flags(self, placement):
        return self.flags | {'\\Deleted'} if placement.deleted \
            else set(self.flags)


class Placement:
    __slots__ = ('uid', 'message', 'deleted', 'late')

    def __init__(self, uid, message, late=None):
        self.uid, self.message, self.late = uid, message, late
        self.deleted = False


class Folder:
    def __init__(self, name, label, validity, first_uid=1, special=None):
        self.name, self.label, self.special = name, label, special
        self.validity, self.next_uid = validity, first_uid
        self.mailbox_id = 'F%d' % validity
        self.subscribed = True
        self.highest = 1
        self.version = 0
        self.uids = []		# in order
        self.by_uid = {}

    def add(self, message, late=None):
        p = Placement(self.next_uid, message, late)
        self.next_uid += 1
        self.uids.append(p.uid)
        self.by_uid[p.uid] = p
        message.placements[self.name] = p
        self.version += 1
        return p

    def remove(self, placement):
        del self.uids[bisect.bisect_left(self.uids, placement.uid)]
        del self.by_uid[placement.uid]
        placement.message.placements.pop(self.name, None)
        self.version += 1

    def renumber(self, validity):
        """New UIDVALIDITY, new UIDs."""
        all_of_it = [self.by_uid[u] for u in self.uids]
        self.validity, self.next_uid = validity, 1
        self.uids, self.by_uid = [], {}
        for p in all_of_it:
            p.uid, self.next_uid = self.next_uid, self.next_uid + 1
            self.uids.append(p.uid)
            self.by_uid[p.uid] = p
        self.version += 1

    def __getitem__(self, uid):
        return self.by_uid.get(uid)


class Store:
    """What a user has.  Subclasses say what the actions mean."""

    labels = False

    def __init__(self, switches, seed=0):
        self.switches = switches
        self.lock = threading.RLock()
        self.listeners = set()
        self.effects = []	# (what, message, ...) in order, for the log
        self.seed = seed
        self.empty()

    # ------------------------------------------------------ whole state

    def empty(self):
        with self.lock:
            self.folders, self.messages = {}, {}
            self.modseq, self.ids = FIRST_MODSEQ, 0
            self.random = random.Random(self.seed)
            self.seen_before, self.threads = set(), {}
            self.make_folders()
            self.effects.clear()

    def save(self):
        """All of it, as octets for restore()."""
        with self.lock:
            return pickle.dumps((
                self.folders, self.messages, self.modseq, self.ids,
                self.random, self.seen_before, self.threads), pickle.HIGHEST_PROTOCOL)

    def restore(self, saved):
        with self.lock:
            (self.folders, self.messages, self.modseq, self.ids,
             self.random, self.seen_before,
             self.threads) = pickle.loads(saved)
            self.effects.clear()
            self.changed()

    def changed(self):
        for wake in list(self.listeners):
            wake()

    def effect(self, what, message, *more):
        self.effects.append((what, message.guid if message else None) + more)

    def touch(self, message):
        """The message, or one of its showings, is other than before."""
        self.modseq += 1
        message.modseq = self.modseq
        for name in message.placements:
            folder = self.folders[name]
            folder.highest = self.modseq
            folder.version += 1

    def settle(self, message):
        """Folders follow what the message is now."""
        self.touch(message)

    def dump(self, raw=False):
        """Plain data of everything, see Control.dump."""
        with self.lock:
            return {
                'folders': {f.name: {
                    'validity': f.validity, 'next': f.next_uid,
                    'uids': {u: f[u].message.guid for u in f.uids}}
                    for f in self.folders.values()},
                'messages': {m.guid: self.dump_message(m, raw)
                             for m in self.messages.values()}}

    def dump_message(self, m, raw):
        found = {
            'id': m.guid, 'thread': m.thread, 'message_id': m.message_id,
            'place': m.place, 'labels': sorted(m.labels),
            'flags': sorted(m.flags), 'date': m.date, 'size': len(m.raw),
            'digest': hashlib.sha256(m.raw).hexdigest(),
            'deleted': sorted(n for n, p in m.placements.items()
                              if p.deleted)}
        if raw:
            found['raw'] = m.raw.decode('latin-1')
        return found

    # -------------------------------------------------------- folders

    def folder(self, name):
        """NO if there is none that can be selected."""
        found = self.folders.get(name)
        if found is None or not self.shown(found):
            raise No(*self.unknown(name))
        return found

    def unknown(self, name):
        return ('Mailbox does not exist', 'NONEXISTENT')

    def shown(self, folder):
        return True

    def new_folder(self, name, label, special=None):
        n = len(self.folders)
        self.modseq += 1
        validity = self.first_validity() + self.modseq - FIRST_MODSEQ
        folder = Folder(name, label, validity, self.first_uid(n), special)
        folder.highest = self.modseq
        self.folders[name] = folder
        return folder

    def first_uid(self, n):
        """Each folder begins elsewhere: UIDs of two never agree by luck."""
        return 1 + 10 * n

    def first_validity(self):
        return 600000000

    def children(self, name):
        return [f for f in self.folders if f.startswith(name + '/')]

    def visible(self, folder):
        """UIDs that a session may see now, in order."""
        now = time.monotonic()
        uids = [u for u in folder.uids if not is_late(folder[u].late, now)]
        limit = self.switches.folder_limit
        return uids[-limit:] if limit else uids

    def noop(self):
        """What was to come with a NOOP is there now."""
        for folder in self.folders.values():
            for p in folder.by_uid.values():
                if p.late == 'noop':
                    p.late = None
                    folder.version += 1
        for m in self.messages.values():
            if m.unindexed == 'noop':
                m.unindexed = None

    def indexed(self, message):
        return not is_late(message.unindexed, time.monotonic())

    # ------------------------------------------------------- messages

    def new_id(self):
        raise NotImplementedError

    def thread_of(self, m):
        """That of the messages which share a Message-ID with it, or a
        reference; else one of its own."""
        ids = mime.references(m.raw) | {m.message_id} - {''}
        known = [self.threads[i] for i in sorted(ids) if i in self.threads]
        thread = known[0] if known else m.guid
        for i in ids:
            self.threads.setdefault(i, thread)
        return thread

    def check_append(self, raw):
        """Refuses what no server of this kind takes."""
        sw = self.switches
        if sw.final_crlf and not raw.endswith(b'\r\n'):
            raise No('Message does not end with CRLF', 'CLIENTBUG', True)
        if sw.long_lines and max(map(len, raw.split(b'\n'))) > sw.long_lines:
            raise No('Command Error. 11', None, True)
        if sw.append_first == 'refused':
            digest = hashlib.sha256(raw).digest()
            if digest not in self.seen_before:
                self.seen_before.add(digest)
                raise No('System Error')

    def set_flags(self, folder, placements, sign, flags):
        """STORE FLAGS; '+', '-' or ''.  The placements that are left are the
        caller's to look for."""
        flags = set(flags)
        deleted = '\\Deleted' in flags
        flags.discard('\\Deleted')
        gone = []
        for p in placements:
            m = p.message
            before = (set(m.flags), p.deleted)
            if sign == '+':
                m.flags |= flags
                p.deleted |= deleted
            elif sign == '-':
                m.flags -= flags
                p.deleted &= not deleted
            else:
                m.flags, p.deleted = set(flags), deleted
            self.star_rule(m)
            if (m.flags, p.deleted) != before:
                self.effect('flags', m, folder.name)
                self.settle(m)
            if p.deleted and not before[1]:
                gone.append(p)
        self.after_deleted(folder, gone)
        self.changed()

    def star_rule(self, message):
        """Flags were stored."""

    def after_deleted(self, folder, placements):
        """These have got \\Deleted."""


def is_late(late, now):
    return late == 'noop' or (late is not None and late > now)


def lag(switch):
    """What stands in `late` for a switch of lags."""
    if switch == 'noop':
        return 'noop'
    return time.monotonic() + switch if switch else None
