"""An IMAP server for tests that behaves as Gmail does, or as others do.

    import gmail
    with gmail.Server(same='merge') as s:	# or profile='exchange'
        ids = s.control.load([{'raw': MAIL, 'labels': ['\\\\Inbox', 'a/b']}])
        before = s.control.dump()
        s.control.fault('no', 'UID MOVE', where='after')
        ... the program talks to s.tls_port, as user alice, "secret" ...
        gmail.problems(before, s.control.dump(), s.control.log(), {})

It has host, port, tls_port, ca_file and the methods of servers.py.  It runs
in threads of the test; it starts in a few milliseconds, one of them serves
any number of runs (control.reset, save, restore), and `python3 -m gmail` runs
it alone with a port for control.

What is modelled, and from what.  RFC 3501 and the extensions that Gmail
tells: UIDPLUS (4315), MOVE (6851), CONDSTORE (7162), ESEARCH (4731), ENABLE
(5161), UTF8=ACCEPT (6855), LIST-EXTENDED (5258), LIST-STATUS (5819),
SPECIAL-USE (6154), LITERAL- (7888), COMPRESS (4978), IDLE (2177), ID (2971),
NAMESPACE (2342), UNSELECT (3691), SASL-IR (4959), OAUTHBEARER (7628); for
other profiles OBJECTID (8474) and REPLACE (8508).  Google's documents "IMAP
extensions" (X-GM-EXT-1), "OAuth 2.0 mechanism" (XOAUTH2) and the help pages
on deleting, auto-expunge and limits.  Where Google is silent, what authors
of public clients have reported: MailKit's transcripts, the notes of
imapsync, Geary, Thunderbird, FairEmail, gmvault, OfflineIMAP, imapclient's
live test.  Such reports contradict one another, and nothing proves them: so
each is a switch (switches.py has them all, with the doubt in words), and a
client is right when it is right whatever they say.  Passing here is not
passing at Gmail.

In short: one message, many labels.  Folders are views of labels with UIDs of
their own; All Mail holds all but Trash and Spam; flags belong to the message.
\\Deleted takes a label away and nothing else, but in Trash and Spam; COPY or
MOVE to Trash takes all labels and all other UIDs.  X-GM-LABELS leaves out the
label of the selected folder.  APPEND compares Message-ID and Date, never
content, and may keep the old message, answer its UID, replace it, or bring
back its twin from Trash, while it says OK.

    grammar      commands from octets         names, mime   what stands in them
    session      one connection               login, folders, fetching,
    changing, search                          its commands
    store        messages and folders         gmailstore, plainstore
    switches     the open questions           profiles      servers by name
    faults       trouble at a chosen place    control       what a test does
    invariants   was every message kept?      server, wire  sockets
"""

from .control import Client		# noqa: F401
from .invariants import problems	# noqa: F401
from .server import Server		# noqa: F401
from .switches import pairwise		# noqa: F401
