"""Where the crash tests let the program work: Maildir, servers."""

import shutil
import tempfile

import crash
import maildir
import servers
import tamis


def trial(place, t, account, fill, plan):
    t.rules(plan.rules)
    t.config(plan.config(account))
    one = crash.Trial(place, t, plan)
    one.begin(fill)
    return one


# ----------------------------------------------------------------- Maildir

class Maildir:
    def __init__(self, path):
        self.path = path
        maildir.make(path)

    def boxes(self):
        return boxes_of(self.path)

    def save(self):
        shutil.copytree(self.path, self.path + '.saved')

    def restore(self):
        shutil.rmtree(self.path)
        shutil.copytree(self.path + '.saved', self.path)


def boxes_of(path):
    """A dump that is the same when only names of files differ."""
    return {k: [m._replace(path='') for m in v]
            for k, v in maildir.dump(path).items()}


def on_maildir(plan=crash.PLAN):
    folder = tempfile.mkdtemp()
    place = Maildir(folder + '/Maildir')
    return trial(place, tamis.Tamis(folder), {'maildir': place.path},
                 lambda: maildir.deliver(place.path, plan.messages), plan)


# ----------------------------------------------------------------- Dovecot

def on_dovecot(server, connect_to, plan=crash.PLAN, by_files=False):
    """BY_FILES: looks at the files instead of asking the server, which is
    quicker."""
    def boxes():
        if not by_files:
            return server.dump_all('alice')
        server.settle()
        return boxes_of(server.folder + '/home/alice/Maildir')
    server.boxes = boxes
    t = tamis.Tamis()
    return trial(server, t, t.account(connect_to), lambda: server.append(
        'alice', 'INBOX', plan.messages), plan)


def on_server_like(server, connect_to, plan=crash.PLAN):
    """A server of gmail.py without labels; it may know no special use."""
    t = tamis.Tamis()
    account = t.account(connect_to, archive='Archive', trash='Trash')
    return trial(server, t, account, lambda: server.append(
        'alice', 'INBOX', plan.messages), plan)


# ------------------------------------------------------------------- Cyrus

class Cyrus:
    """The same mail under new UIDs: Cyrus keeps its files to itself."""

    def __init__(self, server, plan):
        self.server, self.plan = server, plan
        self.client = server.client()	# logging in is slow

    def boxes(self):
        found = {name: servers.dump_with(self.client, name)
                 for name in self.names()}
        return {name: mails for name, mails in found.items() if mails}

    def names(self):
        return servers.listed(servers.check(self.client.list()))

    def fill(self):
        for message in self.plan.messages:
            servers.append_raw(self.client, 'INBOX', message)

    def save(self):
        pass

    def settle(self):
        pass

    def restore(self):
        self.empty()
        self.fill()

    def empty(self):
        c = self.client
        for name in self.names():
            servers.check(c.select(servers.quoted(name)))
            servers.check(c.uid('STORE', '1:*', '+FLAGS.SILENT',
                                '(\\Deleted)'))
            servers.check(c.expunge())


def on_cyrus(server, connect_to, plan=crash.PLAN):
    place = Cyrus(server, plan)
    place.empty()
    t = tamis.Tamis()
    return trial(place, t, t.account(connect_to), place.fill, plan)
