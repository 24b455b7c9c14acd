"""A server where a message stands in one mailbox, and COPY makes another."""

from . import mime, store
from .grammar import No

SPECIAL = {'Trash': '\\Trash', 'Drafts': '\\Drafts', 'Sent': '\\Sent',
           'Junk': '\\Junk', 'Archive': '\\Archive'}


class PlainStore(store.Store):
    def make_folders(self):
        self.new_folder('INBOX', None)
        for name, special in SPECIAL.items():
            self.new_folder(name, None, special)

    def first_uid(self, n):
        return 1

    def new_id(self):
        self.ids += 1
        return self.ids

    def put(self, folder, raw, date, flags, late=None):
        flags = set(flags)
        m = store.Message(self.new_id(), raw, date, flags - {'\\Deleted'})
        m.thread = self.thread_of(m)
        self.messages[m.guid] = m
        p = folder.add(m, late)
        p.deleted = '\\Deleted' in flags
        self.touch(m)
        return p

    def append(self, folder, raw, date, flags):
        self.check_append(raw)
        raw = mime.altered(raw, self.switches.bytes)
        p = self.put(folder, raw, date, flags,
                     store.lag(self.switches.exists_lag))
        p.message.unindexed = store.lag(self.switches.index_lag)
        self.effect('append', p.message, folder.name)
        self.changed()
        return p.uid

    def copy(self, folder, placements, target):
        done = []
        for p in placements:
            m = p.message
            new = self.put(target, m.raw, m.date, m.all_flags(p))
            new.message.email_id, new.message.thread = m.email_id, m.thread
            self.effect('copy', m, target.name)
            done.append((p.uid, new.uid))
        self.changed()
        return done

    def move(self, folder, placements, target):
        done = []
        for p in placements:
            m = p.message
            folder.remove(p)
            new = target.add(m)
            new.deleted = p.deleted
            self.touch(m)
            folder.highest = self.modseq
            self.effect('move', m, target.name)
            done.append((p.uid, new.uid))
        self.changed()
        return done

    def expunge(self, folder, placements):
        for p in placements:
            folder.remove(p)
            del self.messages[p.message.guid]
            self.modseq += 1
            folder.highest = self.modseq
            self.effect('purge', p.message, folder.name)
        self.changed()

    # -------------------------------------------------------- folders

    def create(self, name):
        if name in self.folders:
            raise No('Mailbox already exists', 'ALREADYEXISTS')
        parts = name.split('/')
        if '' in parts[:-1] or not name:
            raise No('Invalid mailbox name', 'CANNOT')
        for i in range(1, len(parts) + 1):
            above = '/'.join(parts[:i])
            if above and above not in self.folders:
                self.new_folder(above, None).subscribed = False
        self.changed()

    def delete(self, name):
        folder = self.folder(name)
        if name == 'INBOX':
            raise No('INBOX cannot be deleted', 'CANNOT')
        if self.children(name):
            raise No('Mailbox has children', 'HASCHILDREN')
        self.expunge(folder, [folder[u] for u in folder.uids])
        del self.folders[name]
        self.changed()

    def rename(self, name, to):
        folder = self.folder(name)
        if to in self.folders:
            raise No('Mailbox already exists', 'ALREADYEXISTS')
        if name == 'INBOX':
            self.create(to)
            self.move(folder, [folder[u] for u in list(folder.uids)],
                      self.folders[to])
            return
        above = to.rpartition('/')[0]
        if above and above not in self.folders:
            self.create(above)
        for old in [name] + self.children(name):
            renamed(self, old, to + old[len(name):])
        self.changed()


def renamed(where, old, new):
    """The folder under another name, with its UIDs."""
    folder = where.folders.pop(old)
    folder.name = new
    where.folders[new] = folder
    for p in folder.by_uid.values():
        p.message.placements[new] = p.message.placements.pop(old)
