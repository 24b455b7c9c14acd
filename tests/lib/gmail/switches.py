"""What is not sure about a server, one row a question.

The first value is what a new server does.  `kind` is a tuple of all values,
or a type.  The rows stand in the order of the model: store, dialogue, labels,
deleting, APPEND, trouble; then what other servers do otherwise.
"""

import itertools

LAG = 'nothing, "noop": until a NOOP, or seconds'

ROWS = [
    # name, default, kind, what
    ('all_mail_hidden', False, bool, 'All Mail is not shown in IMAP'),
    ('hidden', (), tuple, 'labels whose folders are not shown in IMAP'),
    ('folder_limit', 0, int, 'a folder shows that many newest messages'),
    ('web_star', 'cleared', ('cleared', 'stays'),
     'what -FLAGS \\Flagged does to a star that was set on the web'),
    ('names', 'en', ('en', 'uk', 'de', 'el'), 'language of folder names'),
    ('root', '[Gmail]', ('[Gmail]', '[Google Mail]'), 'parent of these'),
    ('name_limit', 225, int, 'characters of a label'),
    ('line_limit', 65536, int, 'octets of a command line'),
    ('login', 'ok', ('ok', 'webalert', 'alert', 'app_password', 'disabled',
                     'overquota', 'too_many'), 'how logging in ends'),
    ('token_life', 0.0, float, 'seconds that a token lives; 0: for ever'),

    ('label_form', 'plain', ('plain', 'backslash', 'literal', 'mixed'),
     'labels in FETCH: "\\\\Inbox", \\Inbox, literals, by turns'),
    ('label_nil', False, bool, 'NIL stands among the labels'),
    ('own_label', 'omitted', ('omitted', 'shown'),
     'the label of the selected folder'),
    ('item_order', 'random', ('random', 'asked'), 'of the items in FETCH'),
    ('void_labels', (), tuple,
     'a STORE that names one of them does nothing, and says OK'),
    ('empty_labels', 'bad', ('bad', 'clears'), 'STORE X-GM-LABELS ()'),
    ('percent_search', 'nothing', ('nothing', 'finds'),
     'SEARCH HEADER Message-ID with a % in it'),
    ('deleted_search', 'hidden', ('hidden', 'found'),
     'messages with \\Deleted in SEARCH'),
    ('index_lag', 0, object, 'new messages in SEARCH: ' + LAG),

    ('auto_expunge', True, bool, '\\Deleted expunges at once'),
    ('last_folder', 'archive', ('archive', 'trash', 'delete'),
     'a message expunged from its last folder'),
    ('all_mail_expunge', 'nothing', ('nothing', 'alone'),
     'in All Mail: nothing, or as last_folder if no other folder is shown'),
    ('copyuid', 'given', ('given', 'descending', 'absent'),
     'the code COPYUID'),
    ('trash_takes', 'message', ('message', 'same_id'),
     'MOVE or COPY to Trash: that message, or all of its Message-ID'),
    ('purge', 'once', ('once', 'twice'),
     'expunged from Trash: gone, or back in All Mail the first time'),

    ('same_key', 'id+date', ('id+date', 'id', 'id+date+subject+from'),
     'what makes an appended message one that is there'),
    ('same_scope', 'store', ('store', 'folder'),
     'where it is looked for: everywhere with Trash and Spam, or there'),
    ('same', 'old_uid', ('old_uid', 'ghost_uid', 'new_uid', 'merge',
                         'replace', 'no_uid', 'separate'),
     'old kept and its UID answered; a UID of nothing; the old one under a '
     'new UID; label and flags merged; old one replaced; old kept and no '
     'UID; two messages'),
    ('same_labels', 'kept', ('kept', 'lost'), 'of a replaced message'),
    ('trash_twin', 'back', ('back', 'stays', 'separate'),
     'the same message lies in Trash or Spam: it comes back with its old '
     'date and no labels; it stays and the new one is dropped; two messages'),
    ('appenduid', 'given', ('given', 'absent'), 'the code APPENDUID'),
    ('append_deleted', 'gone', ('gone', 'trash'), 'APPEND with \\Deleted'),
    ('append_limit', 35651584, int, 'octets of a message'),
    ('append_first', 'taken', ('taken', 'refused'),
     'each new message at its first APPEND'),
    ('rewrapped', False, bool,
     'BODY[HEADER] and BODY[n.MIME] are folded anew, BODY[] is not'),
    ('bytes', 'kept', ('kept', 'refolded', 'rebuilt'),
     'refolded: tabs become blanks, blanks at line ends go; rebuilt: header '
     'fields in another order, unknown ones dropped'),
    ('size_off', 0, int, 'added to RFC822.SIZE'),
    ('exists_lag', 0, object, 'new messages in folders: ' + LAG),

    ('connection_limit', 15, int, 'at a time'),
    ('dead_linger', 0.0, float, 'seconds that a lost connection counts'),
    ('modseq', 'right', ('right', 'zero'), 'MODSEQ in FETCH'),
    ('modseq_ahead', 0, int, 'added to HIGHESTMODSEQ'),
    ('idle_tells', True, bool, 'IDLE tells of changes'),

    ('keywords', 'kept', ('kept', 'refused', 'ignored'),
     'flags without a backslash; but for kept, PERMANENTFLAGS has no \\*'),
    ('expunge_order', 'ascending', ('ascending', 'descending'),
     'of untagged EXPUNGE'),
    ('final_crlf', False, bool, 'APPEND needs a line end at the end'),
    ('long_lines', 0, int, 'longest line in a message; 0: any'),
]

DEFAULTS = {name: value for name, value, _, _ in ROWS}
KINDS = {name: kind for name, _, kind, _ in ROWS}


class Switches:
    """The values as attributes; set() checks them."""

    def __init__(self, **values):
        self.base = {}
        self.reset(**values)

    def reset(self, **values):
        """Back to the first values, with these on top for later resets."""
        self.base = dict(values) or self.base
        self.__dict__.update(DEFAULTS)
        self.set(**self.base)

    def set(self, **values):
        for name, value in values.items():
            setattr(self, name, checked(name, value))

    def all(self):
        return {name: getattr(self, name) for name in DEFAULTS}


def checked(name, value):
    if name not in KINDS:
        raise ValueError('there is no switch "%s"' % name)
    kind = KINDS[name]
    if kind is tuple and isinstance(value, list):
        value = tuple(value)
    if kind is float and isinstance(value, int):
        value = float(value)
    if isinstance(kind, tuple):
        if value not in kind:
            raise ValueError('%s is one of %s' % (name, ', '.join(kind)))
    elif kind is not object and type(value) is not kind:
        raise ValueError('%s is a %s' % (name, kind.__name__))
    elif kind is object and not (
            value == 'noop' or type(value) in (int, float)):
        raise ValueError('%s is 0, "noop" or seconds' % name)
    return value


def values_of(name):
    """All values of a switch that has a few; of others there is no list."""
    kind = KINDS[name]
    if kind is bool:
        return [False, True]
    if kind is object:
        return [0, 'noop']
    if isinstance(kind, tuple):
        return list(kind)
    raise ValueError('which values of %s?' % name)


def pairwise(asked):
    """Sets of values, so that each two values of any two switches are set
    together at least once: far fewer than all combinations.  ASKED: names,
    each with its values, or with None for all of them."""
    values = {n: list(v or values_of(n)) for n, v in asked.items()}
    missing = {frozenset([(a, x), (b, y)])
               for a, b in itertools.combinations(values, 2)
               for x in values[a] for y in values[b]}
    while missing:
        one = dict(min(missing, key=lambda p: sorted(map(repr, p))))
        for name in values:
            if name not in one:
                one[name] = max(values[name], key=lambda v: sum(
                    frozenset([(name, v), other]) in missing
                    for other in one.items()))
        missing -= {frozenset(p) for p in itertools.combinations(
            one.items(), 2)}
        yield one
