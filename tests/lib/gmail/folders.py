"""SELECT, LIST, STATUS, CREATE and the like."""

from . import names
from .gmailstore import SYSTEM
from .grammar import Bad, No

FLAGS = ['\\Answered', '\\Flagged', '\\Draft', '\\Deleted', '\\Seen']
STATUS_ITEMS = ('MESSAGES', 'RECENT', 'UIDNEXT', 'UIDVALIDITY', 'UNSEEN',
                'HIGHESTMODSEQ', 'SIZE', 'MAILBOXID', 'APPENDLIMIT')


class Folders:
    # ------------------------------------------------------- selecting

    def do_select(self, c, args, read_only=False):
        self.unselect()
        name = args.mailbox()
        if args.more():
            args.space()
            self.needs('CONDSTORE')
            if [w.upper() for w in args.items(args.atom)] != ['CONDSTORE']:
                raise Bad('Could not parse command')
            self.condstore = True
        args.end()
        folder = self.store.folder(name)
        self.select(folder, read_only)
        self.say_selected(folder)
        access = 'READ-ONLY' if read_only else 'READ-WRITE'
        return self.profile.selected(access, names.to_utf7(name))

    def do_examine(self, c, args):
        return self.do_select(c, args, True)

    def needs(self, capability):
        if not self.profile.has(capability):
            raise Bad('Could not parse command')

    def say_selected(self, folder):
        used = {f for u in folder.uids for f in folder[u].message.flags}
        flags = FLAGS + self.profile.flags
        flags = flags + sorted(used - set(flags))
        permanent = flags + ['\\*']
        if self.switches.keywords != 'kept':
            permanent = [f for f in flags if f.startswith('\\')]
        if self.read_only:
            permanent = []
        self.say('FLAGS (%s)' % ' '.join(flags))
        self.say('OK [PERMANENTFLAGS (%s)] Flags permitted.' % ' '.join(
            permanent))
        self.say('OK [UIDVALIDITY %d] UIDs valid.' % folder.validity)
        self.say(len(self.uids), 'EXISTS')
        self.say(0, 'RECENT')
        self.say('OK [UIDNEXT %d] Predicted next UID.' % folder.next_uid)
        if self.profile.has('CONDSTORE'):
            self.say('OK [HIGHESTMODSEQ %d]%s' % (
                folder.highest + self.switches.modseq_ahead,
                '' if self.profile.labels else ' Highest'))
        if self.profile.has('OBJECTID'):
            self.say('OK [MAILBOXID (%s)] Ok' % folder.mailbox_id)

    def do_close(self, c, args):
        args.end()
        if not self.read_only:
            folder = self.folder
            self.store.expunge(folder, [
                folder[u] for u in list(folder.uids) if folder[u].deleted])
        self.unselect()
        return None

    def do_unselect(self, c, args):
        args.end()
        self.unselect()
        return None

    # -------------------------------------------------------- changing

    def one_name(self, args):
        data = args.astring()
        name = args.name(data)
        if args.more():	# CREATE-SPECIAL-USE and the like
            raise Bad('Could not parse command')
        return 'INBOX' if name.upper() == 'INBOX' else name

    def do_create(self, c, args):
        name = self.one_name(args)
        if not self.profile.labels:
            name = name.rstrip('/')
        self.store.create(name)
        return None

    def do_delete(self, c, args):
        self.store.delete(self.one_name(args))
        return None

    def do_rename(self, c, args):
        name = args.mailbox()
        args.space()
        self.store.rename(name, self.one_name(args))
        return None

    def do_subscribe(self, c, args):
        self.store.folder(self.one_name(args)).subscribed = True
        return None

    def do_unsubscribe(self, c, args):
        self.store.folder(self.one_name(args)).subscribed = False
        return None

    # --------------------------------------------------------- listing

    def do_list(self, c, args):
        chosen, extended, returns = [], False, {}
        if args.next_is(b'('):
            self.needs('LIST-EXTENDED')
            chosen, extended = [w.upper() for w in args.items(
                args.atom)], True
            args.space()
        reference = args.mailbox()
        args.space()
        if args.next_is(b'('):
            self.needs('LIST-EXTENDED')
            patterns, extended = args.items(args.pattern), True
        else:
            patterns = [args.pattern()]
        if args.more():
            args.space()
            if not args.word('RETURN'):
                raise Bad('Could not parse command')
            self.needs('LIST-EXTENDED')
            args.space()
            args.items(lambda: self.return_option(args, returns))
            extended = True
        args.end()
        if patterns == [''] and not chosen:
            self.say('LIST (\\Noselect) "/" ""')
            return None
        for name, folder in self.matching(reference, patterns):
            self.list_line('LIST', name, folder, chosen, extended, returns)
        return None

    def return_option(self, args, returns):
        word = args.atom().upper()
        returns[word] = True
        if word == 'STATUS':
            self.needs('LIST-STATUS')
            args.space()
            returns[word] = self.status_items(args)
        elif word not in ('SUBSCRIBED', 'CHILDREN', 'SPECIAL-USE'):
            raise Bad('Could not parse command')

    def matching(self, reference, patterns):
        """(name, folder), the parents that are no folders with None."""
        tests = [names.pattern(reference + p) for p in patterns]
        shown = {n: f for n, f in self.store.folders.items()
                 if self.store.shown(f)}
        if self.profile.labels:
            shown.setdefault(self.switches.root, None)
        for name in sorted(shown, key=lambda n: (n != 'INBOX', n)):
            if any(t.match(name) for t in tests):
                yield name, shown[name]

    def list_line(self, word, name, folder, chosen, extended, returns):
        if 'SUBSCRIBED' in chosen and not (folder and folder.subscribed):
            return
        if 'SPECIAL-USE' in chosen and not (folder and folder.special):
            return
        attributes = ['\\HasChildren' if self.store.children(name)
                      else '\\HasNoChildren']
        if folder is None:
            attributes.append('\\NonExistent' if extended else '\\Noselect')
        elif folder.special and self.profile.has('SPECIAL-USE'):
            attributes.append(folder.special)
        if 'SUBSCRIBED' in returns or 'SUBSCRIBED' in chosen:
            if folder is None or folder.subscribed:
                attributes.append('\\Subscribed')
        self.say(word, '(%s)' % ' '.join(sorted(attributes)), '"/"',
                 self.name_out(name))
        if 'STATUS' in returns and folder is not None:
            self.say_status(folder, returns['STATUS'])

    def do_lsub(self, c, args):
        reference = args.mailbox()
        args.space()
        pattern = args.pattern()
        args.end()
        for name, folder in self.matching(reference, [pattern]):
            if folder is None or folder.subscribed:
                self.list_line('LSUB', name, folder, [], False, {})
        return None

    def do_xlist(self, c, args):
        """Google's own, from before RFC 6154."""
        reference = args.mailbox()
        args.space()
        pattern = args.pattern()
        args.end()
        old = {label: attribute for label, _, attribute, _ in SYSTEM}
        for name, folder in self.matching(reference, [pattern]):
            attributes = ['\\HasChildren' if self.store.children(name)
                          else '\\HasNoChildren']
            if folder is None:
                attributes.append('\\Noselect')
            elif name == 'INBOX':
                attributes.append('\\Inbox')
                name = 'Inbox'
            elif folder.label in old:
                attributes.append(old[folder.label])
            self.say('XLIST (%s) "/"' % ' '.join(attributes),
                     self.name_out(name))
        return None

    # ---------------------------------------------------------- status

    def status_items(self, args):
        items = [w.upper() for w in args.items(args.atom)]
        for word in items:
            known = word in STATUS_ITEMS[:5] or (
                word == 'HIGHESTMODSEQ' and self.profile.has('CONDSTORE')
            ) or (word == 'MAILBOXID' and self.profile.has('OBJECTID')
                  ) or (word == 'SIZE' and self.profile.has('STATUS=SIZE'))
            if not known:
                raise Bad('Could not parse command')
        return items

    def do_status(self, c, args):
        name = args.mailbox()
        args.space()
        items = self.status_items(args)
        args.end()
        self.say_status(self.store.folder(name), items)
        return None

    def say_status(self, folder, items):
        uids = self.store.visible(folder)
        values = {
            'MESSAGES': len(uids), 'RECENT': 0, 'UIDNEXT': folder.next_uid,
            'UIDVALIDITY': folder.validity,
            'UNSEEN': sum('\\Seen' not in folder[u].message.flags
                          for u in uids),
            'HIGHESTMODSEQ': folder.highest + self.switches.modseq_ahead,
            'SIZE': sum(len(folder[u].message.raw) for u in uids),
            'MAILBOXID': '(%s)' % folder.mailbox_id}
        if 'HIGHESTMODSEQ' in items:
            self.condstore = True
        self.say('STATUS', self.name_out(folder.name), '(%s)' % ' '.join(
            '%s %s' % (word, values[word]) for word in items))

    # ----------------------------------------------------------- rest

    def do_enable(self, c, args):
        on = []
        for word in args.one_or_list(args.astring):
            word = word.decode('latin-1').upper()
            if word == 'CONDSTORE' and self.profile.has(word):
                self.condstore = True
                on.append(word)
            elif word == 'UTF8=ACCEPT' and self.profile.has(word):
                self.utf8 = True
                on.append(word)
        args.end()
        self.say(('ENABLED ' + ' '.join(on)).strip())
        return None

    def do_namespace(self, c, args):
        args.end()
        self.say('NAMESPACE (("" "/")) NIL NIL')
        return None

    def do_compress(self, c, args):
        if args.atom().upper() != 'DEFLATE':
            raise Bad('Could not parse command')
        args.end()
        if self.wire.deflate:
            raise No('DEFLATE active', 'COMPRESSIONACTIVE')
        return 'DEFLATE active'

    def quota(self):
        used = sum(len(m.raw) for m in self.store.messages.values()) // 1024
        self.say('QUOTA "" (STORAGE %d %d)' % (used, 15728640 * 4096))

    def do_getquotaroot(self, c, args):
        name = self.one_name(args)
        self.store.folder(name)
        self.say('QUOTAROOT', self.name_out(name), '""')
        self.quota()
        return None

    def do_getquota(self, c, args):
        if args.text != b'""':
            raise No('Unknown quota root')
        self.quota()
        return None
