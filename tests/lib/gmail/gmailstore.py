"""Gmail: one message, many labels, folders that are views of them.

A message is in the mail, in Trash or in Spam.  After each change settle()
brings every folder in line with the labels: what a folder no longer holds
loses its UID there, what comes (again) gets a new one.
"""

from . import mime, store
from .grammar import Bad, No
from .plainstore import renamed

# Label, attribute of LIST, of XLIST, and the names by language.
SYSTEM = [
    ('\\All', '\\All', '\\AllMail', {
        'en': 'All Mail', 'uk': 'All Mail', 'de': 'Alle Nachrichten',
        'el': 'Όλα τα μηνύματα'}),
    ('\\Draft', '\\Drafts', '\\Drafts', {
        'en': 'Drafts', 'uk': 'Drafts', 'de': 'Entwürfe',
        'el': 'Πρόχειρα'}),
    ('\\Important', '\\Important', '\\Important', {
        'en': 'Important', 'uk': 'Important', 'de': 'Wichtig',
        'el': 'Σημαντικά'}),
    ('\\Sent', '\\Sent', '\\Sent', {
        'en': 'Sent Mail', 'uk': 'Sent Mail', 'de': 'Gesendet',
        'el': 'Απεσταλμένα'}),
    ('\\Spam', '\\Junk', '\\Spam', {
        'en': 'Spam', 'uk': 'Spam', 'de': 'Spam', 'el': 'Ανεπιθύμητα'}),
    ('\\Starred', '\\Flagged', '\\Starred', {
        'en': 'Starred', 'uk': 'Starred', 'de': 'Markiert',
        'el': 'Με αστέρι'}),
    ('\\Trash', '\\Trash', '\\Trash', {
        'en': 'Trash', 'uk': 'Bin', 'de': 'Papierkorb',
        'el': 'Κάδος απορριμμάτων'}),
]

# As they are written in STORE and SEARCH, in lower case.
LABELS = {'\\inbox': '\\Inbox', '\\sent': '\\Sent', '\\draft': '\\Draft',
          '\\drafts': '\\Draft', '\\starred': '\\Starred',
          '\\important': '\\Important', '\\trash': '\\Trash',
          '\\spam': '\\Spam', '\\junk': '\\Spam', '\\muted': '\\Muted'}

RESERVED = {'inbox', 'sent', 'draft', 'drafts', 'trash', 'spam', 'starred',
            'important', 'chat', 'chats', 'unread', 'read', 'todo', 'muted',
            'voicemail', 'migrated', 'bin', 'all', 'anywhere', 'archive',
            'promotions', 'social', 'updates', 'forums', 'snoozed'}

SEPARATE = 'separate'

AWAY = {'\\Trash': 'trash', '\\Spam': 'spam'}


class GmailStore(store.Store):
    labels = True

    # -------------------------------------------------------- folders

    def make_folders(self):
        sw = self.switches
        self.new_folder('INBOX', '\\Inbox')
        for label, special, _, said in SYSTEM:
            self.new_folder('%s/%s' % (sw.root, said[sw.names]), label,
                            special)

    def first_validity(self):
        return 1

    def shown(self, folder):
        hidden = folder.label in self.switches.hidden or (
            folder.label == '\\All' and self.switches.all_mail_hidden)
        return not hidden

    def unknown(self, name):
        return ('Unknown Mailbox: %s (now in authenticated state)' % name,
                'NONEXISTENT')

    def holds(self, folder, message):
        label = folder.label
        if label in AWAY:
            return message.place == AWAY[label]
        return message.place == 'mail' and (
            label == '\\All' or label in self.labels_of(message))

    def labels_of(self, message):
        starred = '\\Flagged' in message.flags or message.star_of_web
        return message.labels | ({'\\Starred'} if starred else set())

    def settle(self, message, late=None):
        for folder in self.folders.values():
            p = message.placements.get(folder.name)
            holds = self.holds(folder, message)
            if holds and p is None:
                folder.add(message, late)
            elif not holds and p is not None:
                folder.remove(p)
                folder.highest = self.modseq + 1
        self.touch(message)

    def check_name(self, name):
        if name != name.strip(' ') or '  ' in name or ' /' in name or \
                '/ ' in name:
            raise No('Folder contains excess whitespace', 'CANNOT')
        if name.startswith('^') or '//' in name or name.strip('/') != name:
            raise No('Folder name is not allowed.', 'CANNOT')
        if len(name) > self.switches.name_limit:
            raise No('Folder name is too long', 'CANNOT')
        if name.lower() in RESERVED or \
                name.split('/')[0] == self.switches.root:
            raise No('Invalid Arguments: Label is not allowed')

    def create(self, name):
        same = [f for f in self.folders if f.lower() == name.lower()]
        if same:
            raise No('Duplicate folder name %s' % name, 'ALREADYEXISTS')
        self.check_name(name)
        self.new_folder(name, name)
        self.changed()

    def delete(self, name):
        folder = self.folder(name)
        if folder.label.startswith('\\'):
            raise No('Invalid Arguments: Not a user label', 'CANNOT')
        del self.folders[name]
        for m in list(self.messages.values()):
            if name in m.labels:
                m.labels.discard(name)
                if name in m.placements:
                    folder.remove(m.placements[name])
                self.settle(m)
        self.changed()

    def rename(self, name, to):
        folder = self.folder(name)
        if folder.label.startswith('\\'):
            raise No('Invalid Arguments: Not a user label', 'CANNOT')
        if any(f.lower() == to.lower() and f != name for f in self.folders):
            raise No('Duplicate folder name %s' % to, 'ALREADYEXISTS')
        self.check_name(to)
        for old in [name] + self.children(name):
            new = to + old[len(name):]
            renamed(self, old, new)
            self.folders[new].label = new
            for m in self.messages.values():
                if old in m.labels:
                    m.labels.discard(old)
                    m.labels.add(new)
        self.changed()

    # --------------------------------------------------------- labels

    def label_named(self, text):
        """The label for what a client wrote."""
        if text.startswith('\\'):
            found = LABELS.get(text.lower())
            if found is None:
                raise No('Invalid Arguments: Label is not allowed')
            return found
        for folder in self.folders.values():
            if folder.label.lower() == text.lower():
                return folder.label
        self.check_name(text)
        return text

    def store_labels(self, folder, placements, sign, texts):
        if not texts and sign == '':
            if self.switches.empty_labels == 'bad':
                raise Bad('Could not parse command')
        wanted = {self.label_named(t) for t in texts}
        if wanted & set(self.switches.void_labels):
            return
        for label in sorted(wanted):
            if sign != '-' and label[0] != '\\' and \
                    label not in self.folders:
                self.new_folder(label, label)
        for p in placements:
            self.change_labels(p.message, sign, wanted, folder)
        self.changed()

    def change_labels(self, m, sign, wanted, folder=None):
        """FOLDER: where it was done; setting there keeps the own label."""
        before = (self.labels_of(m), m.place)
        away = [AWAY[label] for label in wanted if label in AWAY]
        if sign == '-':
            if m.place in away:
                self.bring_back(m)
            m.labels -= wanted
            if '\\Starred' in wanted:
                self.star(m, False)
        else:
            if away:
                self.take_away(m, away[0])
                return
            kept = {folder.label} if folder and sign == '' else set()
            if m.place != 'mail' and '\\Inbox' in wanted:
                self.bring_back(m)
            if sign == '':
                if folder is not None and '\\Starred' not in wanted:
                    self.star(m, folder.label == '\\Starred')
                m.labels = set(kept - {'\\All'} - set(AWAY))
            m.labels |= wanted - {'\\Starred'}
            if '\\Starred' in wanted:
                self.star(m, True)
        m.labels -= {'\\Starred', '\\All'}
        if (self.labels_of(m), m.place) != before:
            self.effect('labels', m, sign, *sorted(wanted))
            self.settle(m)

    def star(self, m, on):
        m.star_of_web = False
        m.flags.discard('\\Flagged')
        if on:
            m.flags.add('\\Flagged')

    def star_rule(self, message):
        """A star of the web may outlive -FLAGS \\Flagged."""
        if self.switches.web_star == 'cleared' and \
                '\\Flagged' not in message.flags:
            message.star_of_web = False

    # ---------------------------------------- moving and deleting

    def take_away(self, m, place):
        """To Trash or Spam: every label goes, every other UID too."""
        m.place = place
        m.labels.clear()
        for p in m.placements.values():
            p.deleted = False
        self.effect(place, m)
        self.settle(m)

    def bring_back(self, m):
        """Former labels do not come back; UIDs in the mail are new."""
        m.place = 'mail'
        m.labels.clear()

    def copy(self, folder, placements, target):
        return self.transfer(folder, placements, target, False)

    def move(self, folder, placements, target):
        return self.transfer(folder, placements, target, True)

    def transfer(self, folder, placements, target, move):
        done = []
        for p in list(placements):
            m, uid = p.message, p.uid
            if target.label in AWAY:
                for one in self.taken_with(m):
                    if one.place != AWAY[target.label]:
                        self.take_away(one, AWAY[target.label])
            else:
                if m.place != 'mail':
                    self.bring_back(m)
                elif move and folder is not target:
                    self.unlabel(m, folder.label)
                if target.label == '\\Starred':
                    self.star(m, True)
                elif target.label != '\\All':
                    m.labels.add(target.label)
                self.effect('move' if move else 'copy', m, target.name)
                self.settle(m)
            done.append((uid, m.placements[target.name].uid))
        self.changed()
        return done

    def taken_with(self, m):
        if self.switches.trash_takes == 'message' or not m.message_id:
            return [m]
        return [x for x in self.messages.values()
                if x.message_id == m.message_id]

    def unlabel(self, m, label):
        if label == '\\Starred':
            self.star(m, False)
        m.labels.discard(label)

    def after_deleted(self, folder, placements):
        if self.switches.auto_expunge:
            self.expunge(folder, [
                p for p in placements if folder[p.uid] is p])

    def expunge(self, folder, placements):
        for p in placements:
            m = p.message
            if folder.label in AWAY:
                self.purge(m)
            elif folder.label == '\\All':
                p.deleted = False
                self.touch(m)
                if self.switches.all_mail_expunge == 'alone' and \
                        self.only_all_mail():
                    self.last_folder(m)
            else:
                self.unlabel(m, folder.label)
                self.effect('unlabel', m, folder.name)
                self.settle(m)
                if not self.in_shown_folder(m):
                    self.last_folder(m)
        self.changed()

    def only_all_mail(self):
        return all(f.label in ('\\All', '\\Trash', '\\Spam', '\\Inbox')
                   for f in self.folders.values() if self.shown(f))

    def in_shown_folder(self, m):
        return any(self.shown(self.folders[n]) for n in m.placements
                   if self.folders[n].label != '\\All')

    def last_folder(self, m):
        if self.switches.last_folder == 'trash':
            self.take_away(m, 'trash')
        elif self.switches.last_folder == 'delete':
            self.purge(m)

    def purge(self, m):
        if self.switches.purge == 'twice' and not m.purged_once:
            m.purged_once = True
            self.bring_back(m)
            self.effect('reappear', m)
            self.settle(m)
            return
        for name, p in list(m.placements.items()):
            self.folders[name].remove(p)
            self.folders[name].highest = self.modseq + 1
        self.modseq += 1
        del self.messages[m.guid]
        self.effect('purge', m)

    # --------------------------------------------------------- APPEND

    def new_id(self):
        """64 bits, every other one above what a signed number holds."""
        self.ids += 1
        high = 0x99 if self.ids % 2 else 0x17
        return (high << 56) | (self.ids << 24) | self.random.getrandbits(24)

    def append(self, folder, raw, date, flags):
        self.check_append(raw)
        wrong = mime.unparsable(raw)
        if wrong:
            raise Bad('Invalid Arguments: Unable to parse message')
        same = self.same_as(raw, folder)
        if same is not None:
            uid = self.append_same(same, folder, raw, date, flags)
        if same is None or uid == SEPARATE:
            uid = self.append_new(folder, raw, date, flags).uid
        self.changed()
        return None if self.switches.appenduid == 'absent' else uid

    def same_as(self, raw, folder):
        key = mime.sameness(raw, self.switches.same_key)
        if key is None or self.switches.same == 'separate':
            return None
        for m in self.messages.values():
            if m.message_id == key[0] and mime.sameness(
                    m.raw, self.switches.same_key) == key and (
                    self.switches.same_scope == 'store' or
                    folder.name in m.placements):
                return m
        return None

    def append_new(self, folder, raw, date, flags):
        flags = set(flags)
        deleted = '\\Deleted' in flags
        labels = {folder.label} - {'\\All', '\\Starred'} - set(AWAY)
        m = store.Message(self.new_id(), mime.altered(
            raw, self.switches.bytes), date, flags - {'\\Deleted'}, labels,
            AWAY.get(folder.label, 'mail'))
        if folder.label == '\\Starred':
            m.flags.add('\\Flagged')
        m.thread = self.thread_of(m)
        self.messages[m.guid] = m
        m.unindexed = store.lag(self.switches.index_lag)
        self.settle(m, store.lag(self.switches.exists_lag))
        self.effect('append', m, folder.name)
        p = m.placements[folder.name]
        if deleted:
            if self.switches.append_deleted == 'trash':
                self.take_away(m, 'trash')
            else:
                m.purged_once = True
                self.purge(m)
        return p

    def append_same(self, m, folder, raw, date, flags):
        """What becomes of a message that is there already: the UID that is
        told, None, or SEPARATE if it is taken as another one."""
        how = self.switches.same
        if m.place != 'mail' and m.place != AWAY.get(folder.label):
            if self.switches.trash_twin == 'separate':
                return SEPARATE
            if self.switches.trash_twin == 'stays':
                return self.ghost(folder, m)
            self.bring_back(m)
            self.effect('untrash', m)
            self.add_to(m, folder)
            return m.placements[folder.name].uid
        if how == 'ghost_uid':
            return self.ghost(folder, m)
        if how == 'replace':
            return self.replace(m, folder, raw, date, flags)
        if how == 'new_uid' and folder.name in m.placements:
            folder.remove(m.placements[folder.name])
        if how == 'merge':
            m.flags |= set(flags) - {'\\Deleted'}
        self.add_to(m, folder)
        self.effect('swallow', m, folder.name)
        return None if how == 'no_uid' else m.placements[folder.name].uid

    def add_to(self, m, folder):
        if folder.label == '\\Starred':
            self.star(m, True)
        elif folder.label != '\\All' and folder.label not in AWAY:
            m.labels.add(folder.label)
        self.settle(m)

    def ghost(self, folder, m):
        """A UID at which there is nothing."""
        uid = folder.next_uid
        folder.next_uid += 1
        self.effect('swallow', m, folder.name)
        return uid

    def replace(self, m, folder, raw, date, flags):
        labels = set(m.labels) if self.switches.same_labels == 'kept' \
            else set()
        m.purged_once = True
        self.purge(m)
        p = self.append_new(folder, raw, date, flags)
        if folder.name in p.message.placements:
            p.message.labels |= labels
            self.settle(p.message)
            p = p.message.placements[folder.name]
        return p.uid
