"""Private IMAP servers on loopback ports: Dovecot and Cyrus.

    import servers
    with servers.Dovecot(format='maildir') as s:
        s.append('alice', 'INBOX', b'Subject: x\\r\\n\\r\\n', flags='\\\\Seen')
        for m in s.dump('alice', 'INBOX'):
            print(m.uid, m.flags, m.message_id)

Each instance has a folder, ports and users (alice, bob; password "secret")
of its own, listens on 127.0.0.1 only, and is known by a token in its
greeting, so that a test never talks to somebody else's server.  It dies with
the test that started it.  Dovecot and Cyrus run as nobody when we are root.

Attributes of a running server:
  host, port       plain IMAP, with STARTTLS
  tls_port         IMAP over TLS; the certificate is for localhost, 127.0.0.1
  ca_file          the authority that signed it
  folder           everything it has

The peers come from packages: dovecot-imapd, and cyrus-imapd, cyrus-common
and sasl2-bin unpacked (not installed, as they conflict with Dovecot) into
the folder that CYR_ROOT names; ./quickstart check sees to both.
"""

import atexit
import collections
import contextlib
import ctypes
import fcntl
import grp
import hashlib
import http.server
import imaplib
import json
import os
import pwd
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.parse

HOST = '127.0.0.1'
PASSWORD = 'secret'
USERS = ('alice', 'bob')
START_TIMEOUT = 30
PR_SET_PDEATHSIG = 1

# A message as it stands in a mailbox.  flags: a frozenset of text without
# \Recent; date: INTERNALDATE as the server wrote it; size: RFC822.SIZE;
# digest: SHA-256 of the bytes, in hex.
Message = collections.namedtuple(
    'Message', 'uid flags message_id date size digest')

imaplib._MAXLINE = 10000000	# long FETCH and SEARCH answers are fine here


class StartError(Exception):
    """The server did not come up; the text holds what it said."""


# --------------------------------------------------------------- processes

def die_with_parent():
    """For preexec_fn: SIGKILL when the thread that started us ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def unprivileged():
    """User and group name the servers run as."""
    if os.getuid() == 0:
        user = pwd.getpwnam('nobody')
    else:
        user = pwd.getpwuid(os.getuid())
    return user.pw_name, grp.getgrgid(user.pw_gid).gr_name, \
        user.pw_uid, user.pw_gid


def free_port():
    with socket.socket() as s:
        s.bind((HOST, 0))
        return s.getsockname()[1]


def own_tree(folder, uid, gid):
    for top, _, files in os.walk(folder):
        os.chown(top, uid, gid)
        for name in files:
            os.chown(os.path.join(top, name), uid, gid)


def everybody_reaches(path):
    """May any user come to that folder?"""
    path = os.path.realpath(path)
    while os.stat(path).st_mode & 0o001:
        if path == '/':
            return True
        path = os.path.dirname(path)
    return False


@contextlib.contextmanager
def locked(path):
    """One process of a run of the tests at a time."""
    with open(path, 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


# ------------------------------------------------------------ certificates

def openssl(*args):
    subprocess.run(['openssl', *args], check=True, capture_output=True)


class Authority:
    """A test CA, made once for a run of tests/run (or once a script)."""

    def __init__(self, folder):
        self.folder = folder
        self.ca_file = folder + '/ca.pem'
        os.makedirs(folder, exist_ok=True)
        with locked(folder + '/lock'):
            if not os.path.exists(self.ca_file):
                openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt',
                        'ec_paramgen_curve:P-256', '-nodes', '-days', '30',
                        '-subj', '/CN=tamis test authority',
                        '-addext', 'basicConstraints=critical,CA:TRUE',
                        '-addext', 'keyUsage=critical,keyCertSign,cRLSign',
                        '-keyout', folder + '/ca.key',
                        '-out', folder + '/ca.new')
                os.rename(folder + '/ca.new', self.ca_file)

    def certificate(self, folder, names='DNS:localhost,IP:127.0.0.1',
                    days=30):
        """Makes FOLDER/cert.pem and FOLDER/key.pem; returns both paths.
        With negative DAYS it has expired."""
        cert, key = folder + '/cert.pem', folder + '/key.pem'
        request, more = folder + '/cert.csr', folder + '/cert.ext'
        openssl('req', '-new', '-newkey', 'ec', '-pkeyopt',
                'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=localhost',
                '-keyout', key, '-out', request)
        with open(more, 'w') as f:
            f.write('subjectAltName=%s\nbasicConstraints=CA:FALSE\n' % names)
        openssl('x509', '-req', '-in', request, '-CA', self.ca_file,
                '-CAkey', self.folder + '/ca.key', '-set_serial',
                '0x' + os.urandom(8).hex(), '-days', str(days),
                '-extfile', more, '-out', cert)
        return cert, key


_authority = None


def authority():
    global _authority
    if _authority is None:
        folder = os.environ.get('TAMIS_RUN_DIR')
        if not folder:
            folder = tempfile.mkdtemp(prefix='tamis-ca.')
            atexit.register(shutil.rmtree, folder, True)
        _authority = Authority(folder + '/ca')
    return _authority


def tls_context(ca_file=None):
    return ssl.create_default_context(
        cafile=ca_file or authority().ca_file)


# ------------------------------------------------------------ a mail server

class Peer:
    """What a test does with the mail of any server that has `tls_port`."""

    def __init__(self):
        self.host = HOST
        self.port = self.tls_port = None
        self.ca_file = authority().ca_file

    def client(self, user='alice', password=PASSWORD):
        """An imaplib client, logged in over TLS."""
        c = imaplib.IMAP4_SSL(HOST, self.tls_port,
                              ssl_context=tls_context(self.ca_file))
        # the end of a literal would wait for the server's delayed ACK
        c.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        c.login(user, password)
        return c

    def append(self, user, mailbox, message, flags='', date=None):
        """Appends the bytes (or a list of them) as they are; returns UIDs
        where the server tells them.  DATE: '17-Jul-2026 02:44:25 +0200'."""
        many = message if isinstance(message, list) else [message]
        uids = []
        with closing(self.client(user)) as c:
            for one in many:
                uids.append(append_raw(c, mailbox, one, flags, date))
        return uids if isinstance(message, list) else uids[0]

    def create(self, user, *mailboxes):
        with closing(self.client(user)) as c:
            for mailbox in mailboxes:
                check(c.create(quoted(mailbox)))

    def mailboxes(self, user):
        """Names (modified UTF-7) of all that can be selected."""
        with closing(self.client(user)) as c:
            return sorted(listed(check(c.list())))

    def dump(self, user, mailbox='INBOX'):
        """The messages of a mailbox in the order of their UIDs, looked at
        by EXAMINE: nothing of them changes."""
        with closing(self.client(user)) as c:
            return dump_with(c, mailbox)

    def dump_all(self, user):
        """{mailbox: [Message]} of all mailboxes that hold any."""
        with closing(self.client(user)) as c:
            boxes = {}
            for name in listed(check(c.list())):
                messages = dump_with(c, name)
                if messages:
                    boxes[name] = messages
            return boxes

    def status(self, user, mailbox,
               items='MESSAGES UNSEEN UIDNEXT UIDVALIDITY'):
        with closing(self.client(user)) as c:
            data = check(c.status(quoted(mailbox), '(%s)' % items))[0]
        words = data.decode().rpartition('(')[2].rstrip(')').split()
        return {k: int(v) for k, v in zip(words[::2], words[1::2])}


class closing:
    """Logs out at the end, whatever happened."""

    def __init__(self, client):
        self.client = client

    def __enter__(self):
        return self.client

    def __exit__(self, *exc):
        try:
            self.client.logout()
        except (OSError, imaplib.IMAP4.error):
            pass


def check(answer):
    kind, data = answer
    if kind != 'OK':
        raise imaplib.IMAP4.error('%s %r' % (kind, data))
    return data


def quoted(name):
    return '"%s"' % name.replace('\\', '\\\\').replace('"', '\\"')


def append_raw(c, mailbox, message, flags='', date=None):
    """imaplib's own append would rewrite line ends."""
    c.literal = message
    args = [quoted(mailbox), '(%s)' % flags]
    if date:
        args.append('"%s"' % date)
    kind, data = c._simple_command('APPEND', *args)
    check((kind, data))
    m = re.search(rb'APPENDUID \d+ (\d+)', b' '.join(data))
    return int(m.group(1)) if m else None


LIST_LINE = re.compile(rb'\(([^)]*)\) (?:"[^"]*"|NIL) (.*)$', re.S)


def listed(data):
    names = []
    for item in data:
        if item is None:
            continue
        if isinstance(item, tuple):	# the name came as a literal
            m, name = LIST_LINE.match(item[0]), item[1]
        else:
            m = LIST_LINE.match(item)
            name = m.group(2)
            if name.startswith(b'"'):
                name = re.sub(rb'\\(.)', rb'\1', name[1:-1])
        if b'\\noselect' not in m.group(1).lower():
            names.append(name.decode())
    return names


def dump_with(c, mailbox):
    check(c.select(quoted(mailbox), readonly=True))
    data = check(c.uid('FETCH', '1:*', '(UID FLAGS INTERNALDATE '
                       'RFC822.SIZE BODY.PEEK[])'))
    messages, head = [], b''
    for item in data:
        if isinstance(item, tuple):
            head, body = item
            messages.append((head, body, b''))
        elif item is not None and messages:
            head, body, tail = messages[-1]
            messages[-1] = (head, body, tail + item)
    return sorted((parsed(*m) for m in messages), key=lambda m: m.uid)


def parsed(head, body, tail):
    text = (head + b' ' + tail).decode()
    flags = re.search(r'FLAGS \(([^)]*)\)', text).group(1).split()
    header = re.split(rb'\r?\n\r?\n', body, maxsplit=1)[0]
    found = re.search(rb'^message-id:\s*<?([^>\s]*)', header, re.I | re.M)
    return Message(
        int(re.search(r'UID (\d+)', text).group(1)),
        frozenset(f for f in flags if f.lower() != '\\recent'),
        found.group(1).decode(errors='replace') if found else '',
        re.search(r'INTERNALDATE "([^"]*)"', text).group(1).strip(),
        int(re.search(r'RFC822.SIZE (\d+)', text).group(1)),
        hashlib.sha256(body).hexdigest())


# --------------------------------------------------------------- a process

class Server(Peer):
    """What Dovecot and Cyrus have in common: a process of their own."""

    def __init__(self, folder=None):
        super().__init__()
        self.process = None
        self.token = 'tamis' + os.urandom(6).hex()
        self.own_folder = folder is None
        # A socket's path is short (107 octets), and TMPDIR may not be.
        self.folder = folder or tempfile.mkdtemp(prefix='tamis-s.')
        if len(self.folder) > 50:
            raise ValueError('folder name is too long for sockets')
        os.makedirs(self.folder, exist_ok=True)
        os.chmod(self.folder, 0o755)
        self.user_name, self.group_name, self.uid, self.gid = unprivileged()
        self.cert, self.key = authority().certificate(self.folder)
        atexit.register(self.close)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exc):
        self.close()

    def start(self):
        """Starts it on fresh ports and waits for its own greeting."""
        for last in (False, False, True):
            self.port, self.tls_port = free_port(), free_port()
            self.write_config()
            self.log = open(self.folder + '/output', 'ab')
            # Its own session: a server in the group of the test would stop
            # the test when it signals its group.
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=self.log,
                stderr=self.log, start_new_session=True, cwd=self.folder,
                env=self.environment(), preexec_fn=die_with_parent)
            if self.greets(self.port):
                return self
            said = self.said()
            self.stop()
            if last:
                raise StartError('%s did not start:\n%s' % (
                    type(self).__name__, said))

    def greets(self, port):
        until = time.monotonic() + START_TIMEOUT
        while time.monotonic() < until and self.process.poll() is None:
            try:
                with socket.create_connection((HOST, port), 5) as s:
                    line = s.makefile('rb').readline(4096)
            except OSError:
                time.sleep(0.01)
                continue
            return line.startswith(b'* OK') and self.token.encode() in line
        return False

    def stop(self):
        """Ends it at once; its folder stays, and start may follow."""
        if self.process is None:
            return
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.process = None
        self.log.close()

    def close(self):
        self.stop()
        if self.own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)
        atexit.unregister(self.close)

    def said(self):
        """What it wrote to its log and output."""
        text = ''
        for name in ('/output', '/dovecot.log', '/syslog'):
            try:
                with open(self.folder + name, errors='replace') as f:
                    text += f.read()
            except FileNotFoundError:
                pass
        return text

    def environment(self):
        return {'PATH': os.environ['PATH'], 'TZ': 'UTC', 'LC_ALL': 'C'}


# ----------------------------------------------------------------- Dovecot

LOCATIONS = {
    'maildir': 'maildir:~/Maildir',
    'mdbox': 'mdbox:~/mdbox',
    'sdbox': 'sdbox:~/sdbox',
}

SPECIAL = ('Trash', 'Drafts', 'Sent', 'Junk', 'Archive')

# Enough for a client that knows nothing newer than RFC 3501.
BARE = 'IMAP4rev1 IDLE NAMESPACE CHILDREN UNSELECT'


class Dovecot(Server):
    """
    format       maildir, mdbox or sdbox
    capability   advertise this and nothing else (the commands still work)
    mechanisms   what AUTH= offers
    tokens       True: take the OAuth2 token "good-USER" for USER; or a
                 function from a token to its user, or None
    quota        storage of bob, e.g. "20K"
    settings     more text for dovecot.conf
    """

    def __init__(self, format='maildir', capability=None,
                 mechanisms='plain login scram-sha-256', tokens=False,
                 quota=None, settings='', folder=None):
        if not program('dovecot'):
            raise unittest.SkipTest('dovecot is not installed')
        super().__init__(folder)
        self.format, self.capability = format, capability
        self.mechanisms, self.quota = mechanisms, quota
        self.settings = settings
        self.conf = self.folder + '/dovecot.conf'
        self.token_stub = None
        if tokens:
            self.token_stub = TokenStub(tokens if callable(tokens)
                                        else owner_of)

    def command(self):
        return [program('dovecot'), '-F', '-c', self.conf]

    def close(self):
        super().close()
        if self.token_stub:
            self.token_stub.close()
            self.token_stub = None

    def write_config(self):
        d = self.folder
        for name in ('run', 'state', 'home'):
            os.makedirs(d + '/' + name, exist_ok=True)
        with open(d + '/users', 'w') as f:
            for user in USERS:
                rule = ''
                if user == 'bob' and self.quota:
                    rule = 'userdb_quota_rule=*:storage=' + self.quota
                f.write('%s:{PLAIN}%s:%d:%d::%s/home/%s::%s\n' % (
                    user, PASSWORD, self.uid, self.gid, d, user, rule))
        special = ''.join(
            '  mailbox %s {\n    auto = subscribe\n'
            '    special_use = \\%s\n  }\n' % (s, s) for s in SPECIAL)
        capability = ''
        if self.capability:
            capability = 'imap_capability = %s\n' % self.capability
        mechanisms, passdb = self.mechanisms, ''
        if self.token_stub:
            mechanisms += ' xoauth2 oauthbearer'
            passdb = ('passdb {\n  driver = oauth2\n'
                      '  mechanisms = xoauth2 oauthbearer\n'
                      '  args = %s/oauth2.conf\n}\n' % d)
            with open(d + '/oauth2.conf', 'w') as f:
                f.write('tokeninfo_url = http://%s:%d/info?access_token=\n'
                        'username_attribute = email\n'
                        'active_attribute =\nactive_value =\n' % (
                            HOST, self.token_stub.port))
        with open(self.conf, 'w') as f:
            f.write(DOVECOT_CONF.format(
                d=d, token=self.token, user=self.user_name,
                group=self.group_name, cert=self.cert, key=self.key,
                mechanisms=mechanisms, location=LOCATIONS[self.format],
                passdb=passdb, special=special, capability=capability,
                host=HOST, port=self.port, tls_port=self.tls_port,
                settings=self.settings))
        own_tree(d + '/home', self.uid, self.gid)
        own_tree(d + '/state', self.uid, self.gid)

    def settle(self):
        """Waits until no session of a client is left."""
        until = time.monotonic() + 10
        while self.sessions() and time.monotonic() < until:
            time.sleep(0.005)

    def sessions(self):
        """Processes of this server that serve a session."""
        found = 0
        for pid in filter(str.isdigit, os.listdir('/proc')):
            try:
                with open('/proc/%s/stat' % pid) as f:
                    name, _, rest = f.read().rpartition(')')
            except OSError:
                continue
            fields = rest.split()
            found += name.endswith('(imap') and fields[0] != 'Z' and \
                int(fields[3]) == self.process.pid
        return found

    def save(self, user='alice'):
        """Keeps a copy of all that the user has, for restore."""
        self.settle()
        saved = self.folder + '/saved'
        shutil.rmtree(saved, ignore_errors=True)
        shutil.copytree(self.folder + '/home/' + user, saved)

    def restore(self, user='alice'):
        self.settle()
        home = self.folder + '/home/' + user
        shutil.rmtree(home)
        shutil.copytree(self.folder + '/saved', home)
        own_tree(home, self.uid, self.gid)

    def doveadm(self, *args):
        """Standard output of doveadm; asks the files, not the server."""
        return subprocess.run(
            [program('doveadm'), '-c', self.conf, *args], check=True,
            capture_output=True, text=True,
            env=self.environment()).stdout

    def doveadm_dump(self, user):
        """{mailbox: [(uid, flags, guid)]}: what Dovecot itself says, as a
        second opinion beside dump()."""
        text = self.doveadm('-f', 'json', 'fetch', '-u', user,
                            'mailbox uid flags guid', 'all')
        boxes = {}
        for row in json.loads(text or '[]'):
            flags = frozenset(f for f in row['flags'].split()
                              if f.lower() != '\\recent')
            boxes.setdefault(row['mailbox'], []).append(
                (int(row['uid']), flags, row['guid']))
        return {k: sorted(v) for k, v in boxes.items()}


# No fsync and no penalty for wrong passwords: tests shall be quick.
DOVECOT_CONF = r'''
{capability}base_dir = {d}/run
state_dir = {d}/state
instance_name = {token}
login_greeting = {token} ready.
log_path = {d}/dovecot.log
protocols = imap
listen = {host}
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 1
first_valid_gid = 1
default_vsz_limit = 1G
ssl = yes
ssl_cert = <{cert}
ssl_key = <{key}
ssl_min_protocol = TLSv1.2
disable_plaintext_auth = yes
auth_mechanisms = {mechanisms}
auth_failure_delay = 0
mail_location = {location}
mail_plugins = $mail_plugins quota zlib notify mail_log
mail_attribute_dict = file:%h/dovecot-attributes
mailbox_list_index = yes
imap_metadata = yes
imap_id_send = "name" * "version" *
mail_fsync = never
{passdb}passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {d}/users
}}
userdb {{
  driver = passwd-file
  args = username_format=%u {d}/users
}}
namespace inbox {{
  inbox = yes
  separator = /
{special}}}
plugin {{
  quota = count:User quota
  quota_vsizes = yes
  quota_rule = *:storage=1G
  quota_grace = 0
  mail_log_events = save copy delete expunge flag_change mailbox_create
  mail_log_fields = uid box msgid flags
}}
protocol imap {{
  mail_plugins = $mail_plugins imap_quota imap_zlib
  mail_max_userip_connections = 50
  imap_capability = $imap_capability
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    address = {host}
    port = {port}
  }}
  inet_listener imaps {{
    address = {host}
    port = {tls_port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
{settings}
'''


def owner_of(token):
    """Of the tokens that are no more than a name."""
    return token[5:] if token.startswith('good-') else None


class TokenStub:
    """Answers Dovecot's question whose an OAuth2 token is."""

    def __init__(self, owner=owner_of):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_GET(self):
                query = urllib.parse.urlparse(self.path).query
                token = urllib.parse.parse_qs(query).get(
                    'access_token', [''])[0]
                user = owner(token)
                if user:
                    status, answer = 200, {'email': user,
                                           'expires_in': 3600}
                else:
                    status, answer = 400, {'error': 'invalid_token'}
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header('Content-Type', 'application/json')
                self.send_header('Content-Length', str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET

            def log_message(self, *args):
                pass

        self.http = http.server.ThreadingHTTPServer((HOST, 0), Handler)
        self.port = self.http.server_address[1]
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def close(self):
        self.http.shutdown()
        self.http.server_close()


# ------------------------------------------------------------------- Cyrus

class Cyrus(Server):
    """
    settings     more text for imapd.conf
    root         where the packages were unpacked; default: CYR_ROOT
    """

    def __init__(self, settings='', root=None, folder=None):
        self.root = root or os.environ.get('CYR_ROOT', '')
        if not os.access(self.root + '/usr/sbin/cyrmaster', os.X_OK):
            raise unittest.SkipTest('Cyrus is not unpacked (CYR_ROOT)')
        super().__init__(folder)
        if os.getuid() == 0 and not everybody_reaches(self.root):
            self.root = self.copied()
        self.settings = settings
        self.name = self.token + '.test'	# stands in the greeting

    def copied(self):
        """The clone may lie where nobody cannot go."""
        top = os.environ.get('TAMIS_RUN_DIR') or self.folder
        copy = top + '/cyrus'
        with locked(top + '/lock'):
            if not os.path.exists(copy):
                shutil.copytree(self.root, copy + '.new', symlinks=True)
                os.rename(copy + '.new', copy)
        return copy

    def environment(self):
        arch = [p for p in os.listdir(self.root + '/usr/lib')
                if p.endswith('-linux-gnu')]
        env = super().environment()
        env['LD_LIBRARY_PATH'] = '%s/usr/lib/%s' % (
            self.root, arch[0] if arch else '')
        return env

    def command(self):
        d = self.folder
        command = [self.root + '/usr/sbin/cyrmaster', '-C',
                   d + '/imapd.conf', '-M', d + '/cyrus.conf', '-p',
                   d + '/master.pid', '-D']
        if os.getuid() == 0:
            command = ['setpriv', '--reuid=%d' % self.uid,
                       '--regid=%d' % self.gid, '--clear-groups',
                       '--pdeathsig=KILL'] + command
        return command

    def write_config(self):
        d = self.folder
        for name in ('conf/socket', 'spool', 'run', 'sieve', 'proc', 'lock'):
            os.makedirs(d + '/' + name, exist_ok=True)
        with open(d + '/imapd.conf', 'w') as f:
            f.write(CYRUS_IMAPD_CONF.format(
                d=d, user=self.user_name, group=self.group_name,
                cert=self.cert, key=self.key, name=self.name,
                settings=self.settings))
        with open(d + '/cyrus.conf', 'w') as f:
            f.write(CYRUS_CONF.format(
                d=d, bin=self.root + '/usr/lib/cyrus/bin', host=HOST,
                port=self.port, tls_port=self.tls_port))
        if not os.path.exists(d + '/sasldb2'):
            for user in USERS + ('admin',):
                subprocess.run(
                    [self.root + '/usr/sbin/saslpasswd2', '-p', '-c', '-f',
                     d + '/sasldb2', '-u', self.name, user],
                    input=PASSWORD + '\n', text=True, check=True,
                    env=self.environment(), capture_output=True)
        own_tree(d, self.uid, self.gid)


CYRUS_IMAPD_CONF = '''\
cyrus_user: {user}
cyrus_group: {group}
configdirectory: {d}/conf
partition-default: {d}/spool
defaultpartition: default
sievedir: {d}/sieve
proc_path: {d}/proc
mboxname_lockpath: {d}/lock
idlesocket: {d}/run/idle
tls_server_cert: {cert}
tls_server_key: {key}
servername: {name}
admins: admin
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: {d}/sasldb2
sasl_mech_list: PLAIN LOGIN
allowplaintext: no
altnamespace: yes
unixhierarchysep: yes
virtdomains: off
conversations: 1
skiplist_unsafe: 1
annotation_allow_undefined: yes
autocreate_quota: 100000
autocreate_inbox_folders: Sent|Drafts|Trash|Junk|Archive
autocreate_subscribe_folders: Sent|Drafts|Trash|Junk|Archive
xlist-sent: Sent
xlist-drafts: Drafts
xlist-trash: Trash
xlist-junk: Junk
xlist-archive: Archive
specialusealways: yes
{settings}
'''

# Without idled a client in IDLE hears of new mail after a minute.
CYRUS_CONF = '''\
START {{
  recover cmd="{bin}/ctl_cyrusdb -C {d}/imapd.conf -r"
}}
SERVICES {{
  imap cmd="{bin}/imapd -C {d}/imapd.conf" listen="{host}:{port}" prefork=0 maxchild=50
  imaps cmd="{bin}/imapd -C {d}/imapd.conf -s" listen="{host}:{tls_port}" prefork=0 maxchild=50
}}
DAEMON {{
  idled cmd="{bin}/idled -C {d}/imapd.conf"
}}
'''


def program(name):
    return shutil.which(name, path=os.environ.get('PATH', '') +
                        ':/usr/sbin:/sbin:/usr/local/sbin')
