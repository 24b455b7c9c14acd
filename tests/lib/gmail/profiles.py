"""Servers by name: what they say they can do, in which words, and the
switches they begin with.

A capability that is not listed is a command that is BAD: a client that sends
it without having looked is found out.
"""

from .gmailstore import GmailStore
from .plainstore import PlainStore

PLAIN_AUTH = 'SASL-IR AUTH=PLAIN AUTH=LOGIN AUTH=XOAUTH2 AUTH=OAUTHBEARER'


class Profile:
    """
    before, after   capabilities before and after logging in
    tells           how these come with logging in: 'untagged', 'code', None
    switches        values other than the first ones of the table
    answers         what faults say, in this server's words
    """

    labels = False
    store = PlainStore
    flags = []
    exists_always = False
    idling = b'+ idling\r\n'
    go_ahead = b'+ OK\r\n'
    identity = '("name" "tests")'

    def __init__(self, name, before, after, tells='code', switches=None,
                 answers=None, said=None, nonsync=None):
        self.name = name
        self.before_login = before.split()
        self.capabilities = after.split()
        self.all_capabilities = set(self.before_login + self.capabilities)
        self.tells_capabilities = tells
        self.switches = switches or {}
        self.answers = dict(ANSWERS, **(answers or {}))
        self.said = said or {}
        self.nonsync = nonsync

    def has(self, capability):
        return capability in self.all_capabilities

    def takes_nonsync(self, size):
        if self.has('LITERAL+'):
            return True
        return self.has('LITERAL-') and size <= 4096

    def greeting(self, session):
        return '[CAPABILITY %s] %s %s' % (
            ' '.join(session.capabilities()), self.said.get(
                'greeting', 'Ready.'), session.server.token)

    def text(self, key, otherwise):
        return self.said.get(key, otherwise)

    def ok(self, done, command):
        """DONE: None, a code in brackets, a text, or both."""
        if done is None:
            done = '%s completed' % command.verb
        elif done.startswith('[') and done.endswith(']'):
            done += ' %s completed' % command.verb
        return 'OK ' + done

    def selected(self, access, name):
        return '[%s] Select completed' % access

    def refusal(self, text, code=None, bad=False):
        return '%s %s%s' % ('BAD' if bad else 'NO',
                            '[%s] ' % code if code else '', text)

    def mistake(self, text):
        return 'BAD ' + text

    def answer(self, do, true=None):
        if do == 'throttled' and true and true.startswith('OK') and \
                self.answers[do].startswith('OK'):
            return true + ' [THROTTLED]'
        return self.answers[do]


ANSWERS = {
    'no': 'NO [UNAVAILABLE] Internal error occurred',
    'bad': 'BAD Error in IMAP command',
    'throttled': 'NO [LIMIT] Too many commands, slow down',
    'overquota': 'NO [LIMIT] Rate limit reached',
    'storage': 'NO [OVERQUOTA] Quota exceeded (mailbox for user is full)',
    'bye': 'BYE Server is shutting down',
}


class GmailProfile(Profile):
    labels = True
    store = GmailStore
    flags = ['$NotPhishing', '$Phishing']
    exists_always = True
    go_ahead = b'+ go ahead\r\n'
    identity = ('("name" "GImap" "vendor" "Google, Inc." "support-url" '
                '"https://support.google.com/mail" "version" '
                '"gmail.imap-server_0" "remote-host" "127.0.0.1")')

    def greeting(self, session):
        return 'Gimap ready for requests from 127.0.0.1 %s' % \
            session.server.token

    def ok(self, done, command):
        if done is None:
            return 'OK Success'
        if done.endswith('completed') or command.verb == 'CAPABILITY' or \
                done == 'IDLE terminated':
            more = ' (Success)' if 'completed' in done or \
                command.verb == 'IDLE' else ''
            return 'OK %s%s' % (done, more)
        return 'OK %s (Success)' % done

    def selected(self, access, name):
        return '[%s] %s selected.' % (access, name)

    def refusal(self, text, code=None, bad=False):
        return Profile.refusal(self, text, code, bad) + ' (Failure)'

    def mistake(self, text):
        if text.startswith('Could not parse command'):
            text = 'Could not parse command'
        return 'BAD ' + text


GMAIL = GmailProfile(
    'gmail',
    'IMAP4rev1 UNSELECT IDLE NAMESPACE QUOTA ID XLIST CHILDREN X-GM-EXT-1 '
    'XYZZY SASL-IR AUTH=XOAUTH2 AUTH=PLAIN AUTH=PLAIN-CLIENTTOKEN '
    'AUTH=OAUTHBEARER',
    'IMAP4rev1 UNSELECT IDLE NAMESPACE QUOTA ID XLIST CHILDREN X-GM-EXT-1 '
    'UIDPLUS COMPRESS=DEFLATE ENABLE MOVE CONDSTORE ESEARCH UTF8=ACCEPT '
    'LIST-EXTENDED LIST-STATUS LITERAL- SPECIAL-USE APPENDLIMIT=35651584',
    tells='untagged',
    answers={
        'no': 'NO System Error (Failure)',
        'bad': 'BAD Could not parse command',
        'throttled': 'OK Success [THROTTLED]',
        'overquota': 'NO [OVERQUOTA] Account exceeded command or bandwidth '
                     'limits. (Failure)',
        'storage': 'NO [OVERQUOTA] Account is out of storage (Failure)',
        'bye': 'BYE Session expired, please login again'},
    said={'capability': 'Thats all she wrote!', 'logout': '73 good day',
          'bye': 'LOGOUT Requested'})

DOVECOT_LIKE = (
    'IMAP4rev1 SASL-IR ID ENABLE IDLE LITERAL+ NAMESPACE CHILDREN UNSELECT '
    'UIDPLUS LIST-EXTENDED LIST-STATUS CONDSTORE ESEARCH MOVE SPECIAL-USE '
    'STATUS=SIZE COMPRESS=DEFLATE')
BARE = 'IMAP4rev1 IDLE NAMESPACE CHILDREN UNSELECT'
BEFORE = 'IMAP4rev1 ID ENABLE IDLE LITERAL+ ' + PLAIN_AUTH

class WithoutCodes(Profile):
    """Knows none of the codes of RFC 5530: the text has to do."""

    def refusal(self, text, code=None, bad=False):
        return Profile.refusal(
            self, text, code if code == 'TRYCREATE' else None, bad)


EXCHANGE = WithoutCodes(
    'exchange',
    'IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS MOVE ID '
    'UNSELECT CHILDREN IDLE NAMESPACE LITERAL+',
    'IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS MOVE ID '
    'UNSELECT CHILDREN IDLE NAMESPACE LITERAL+',
    tells=None,
    switches={'expunge_order': 'descending', 'bytes': 'rebuilt',
              'long_lines': 9900},
    answers={
        'no': 'NO Server Unavailable. 15',
        'bad': 'BAD Command Error. 12',
        'throttled': 'BAD Request is throttled. Suggested Backoff Time: 100 '
                     'milliseconds',
        'overquota': 'BAD User is authenticated but not connected.',
        'bye': 'BYE Connection is closed. 13'},
    said={'greeting': 'The Microsoft Exchange IMAP4 service is ready.',
          'too_big': 'Maximum size of appendable message has been exceeded'})

CYRUS = Profile(
    'cyrus', BEFORE, DOVECOT_LIKE + ' OBJECTID')

YAHOO = Profile(
    'yahoo',
    'IMAP4rev1 ID MOVE NAMESPACE XLIST UIDPLUS LITERAL+ CHILDREN UNSELECT '
    'OBJECTID APPENDLIMIT=41697280 SASL-IR AUTH=PLAIN AUTH=XOAUTH2 '
    'AUTH=OAUTHBEARER',
    'IMAP4rev1 ID MOVE NAMESPACE UIDPLUS LITERAL+ CHILDREN UNSELECT ENABLE '
    'ESEARCH CONDSTORE LIST-EXTENDED LIST-STATUS SPECIAL-USE OBJECTID IDLE '
    'APPENDLIMIT=41697280',
    switches={'final_crlf': True, 'append_limit': 41697280},
    answers={'overquota': 'NO [LIMIT] UID FETCH Rate limit hit.'})


def without(*words):
    return ' '.join(w for w in DOVECOT_LIKE.split() if w not in words)


PROFILES = {p.name: p for p in (
    GMAIL, EXCHANGE, CYRUS, YAHOO,
    Profile('dovecot', BEFORE, DOVECOT_LIKE),
    Profile('dovecot_replace', BEFORE, DOVECOT_LIKE + ' REPLACE'),
    Profile('no_uidplus', BEFORE, without('UIDPLUS')),
    Profile('no_move', BEFORE, without('MOVE')),
    Profile('no_keywords', BEFORE, DOVECOT_LIKE,
            switches={'keywords': 'refused'}),
    Profile('bare', BARE + ' SASL-IR AUTH=PLAIN', BARE, tells=None),
)}
