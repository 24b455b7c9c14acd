#include "journal_room.h"

const char journal_schema[] =
"CREATE TABLE owner("
"	one INTEGER PRIMARY KEY CHECK(one = 1),"
"	owner TEXT NOT NULL,"
"	since INTEGER NOT NULL);"
"CREATE TABLE mailbox("
"	id INTEGER PRIMARY KEY,"
"	name TEXT NOT NULL UNIQUE,"
	/* the checkpoint */
"	known INTEGER NOT NULL DEFAULT 0,"
"	uidvalidity INTEGER NOT NULL DEFAULT 0,"
"	next_uid INTEGER NOT NULL DEFAULT 0,"
"	baseline_uid INTEGER NOT NULL DEFAULT 0,"
"	baseline_time INTEGER NOT NULL DEFAULT 0,"
"	modseq INTEGER NOT NULL DEFAULT 0,"
"	time INTEGER NOT NULL DEFAULT 0,"
	/* of journal_names */
"	names_uidvalidity INTEGER NOT NULL DEFAULT 0,"
"	names_uidnext INTEGER NOT NULL DEFAULT 1);"
"CREATE TABLE pending("
"	mailbox INTEGER NOT NULL REFERENCES mailbox(id),"
"	uidvalidity INTEGER NOT NULL,"
"	uid INTEGER NOT NULL,"
"	tries INTEGER NOT NULL,"
"	since INTEGER NOT NULL,"
"	digest BLOB NOT NULL,"
"	message_id TEXT NOT NULL,"
"	size INTEGER NOT NULL,"
"	reason TEXT NOT NULL,"
"	PRIMARY KEY(mailbox, uidvalidity, uid)) WITHOUT ROWID;"
"CREATE TABLE judged("
"	mailbox INTEGER NOT NULL REFERENCES mailbox(id),"
"	digest BLOB NOT NULL,"
"	time INTEGER NOT NULL,"
"	PRIMARY KEY(mailbox, digest)) WITHOUT ROWID;"
"CREATE TABLE run("
"	id INTEGER PRIMARY KEY AUTOINCREMENT,"
"	started INTEGER NOT NULL,"
"	ended INTEGER NOT NULL DEFAULT 0,"
"	rules_version TEXT NOT NULL,"
"	judged INTEGER NOT NULL DEFAULT 0,"
"	changed INTEGER NOT NULL DEFAULT 0,"
"	failed INTEGER NOT NULL DEFAULT 0,"
"	unknown INTEGER NOT NULL DEFAULT 0,"
"	exit_code INTEGER NOT NULL DEFAULT 0);"
"CREATE TABLE change("
"	id INTEGER PRIMARY KEY,"
"	run INTEGER NOT NULL REFERENCES run(id),"
"	time INTEGER NOT NULL,"
"	mailbox INTEGER NOT NULL REFERENCES mailbox(id),"
"	uidvalidity INTEGER NOT NULL,"
"	uid INTEGER NOT NULL,"
"	digest BLOB NOT NULL,"
"	message_id TEXT NOT NULL,"
"	size INTEGER NOT NULL,"
"	sender TEXT NOT NULL,"
"	subject TEXT NOT NULL,"
"	rules TEXT NOT NULL,"
"	kind INTEGER NOT NULL,"
"	what TEXT NOT NULL,"
"	flags_before TEXT NOT NULL,"
"	labels_before TEXT NOT NULL,"
"	dest_uidvalidity INTEGER NOT NULL,"
"	dest_from_uid INTEGER NOT NULL,"
"	dest_uid INTEGER NOT NULL,"
"	state INTEGER NOT NULL,"
"	reason TEXT NOT NULL);"
"CREATE INDEX change_unsettled ON change(id) WHERE state = 0;"
"CREATE INDEX change_message ON change(mailbox, uid);"
"CREATE INDEX change_message_id ON change(message_id);"
"CREATE INDEX change_run ON change(run);"
"CREATE INDEX change_placed ON change(digest) WHERE kind IN (4, 5);"
/* Copies that were made; they outlive the history, since a rule that sweeps
 * wants them anew each time, for as long as the message is there. */
"CREATE TABLE copied("
"	mailbox INTEGER NOT NULL REFERENCES mailbox(id),"
"	digest BLOB NOT NULL,"
"	target TEXT NOT NULL,"
"	uidvalidity INTEGER NOT NULL,"	/* 0, as UID: it was not told */
"	uid INTEGER NOT NULL,"
"	PRIMARY KEY(mailbox, digest, target, uidvalidity, uid)"
") WITHOUT ROWID;"
"CREATE TABLE name("
"	mailbox INTEGER NOT NULL REFERENCES mailbox(id),"
"	name TEXT NOT NULL,"
"	uid INTEGER NOT NULL,"
"	gone INTEGER,"		/* not there any more, since */
"	PRIMARY KEY(mailbox, name)) WITHOUT ROWID;"
"CREATE TABLE rule("
"	name TEXT PRIMARY KEY,"
"	time INTEGER NOT NULL) WITHOUT ROWID;"
"CREATE TABLE note("
"	key TEXT PRIMARY KEY,"
"	value INTEGER NOT NULL) WITHOUT ROWID;";

/* Since version 2, behind CREATE TABLE.  A row is written whole, in this order; see
 * journal_replace.h. */
const char journal_schema_replacement[] =
"replacement("
"	id INTEGER PRIMARY KEY,"
"	change INTEGER NOT NULL REFERENCES change(id),"
"	nonce TEXT NOT NULL,"
"	state INTEGER NOT NULL,"
"	attempt INTEGER NOT NULL,"
"	tried INTEGER NOT NULL,"
"	watch INTEGER NOT NULL,"
"	instead INTEGER NOT NULL,"
"	spooled INTEGER NOT NULL,"
"	lossy INTEGER NOT NULL,"
"	new_thread INTEGER NOT NULL,"
"	keep INTEGER NOT NULL,"
"	original_mailbox TEXT NOT NULL,"
"	original_uidvalidity INTEGER NOT NULL,"
"	original_uid INTEGER NOT NULL,"
"	trash_uid INTEGER NOT NULL,"
"	original_name TEXT NOT NULL,"
"	gmail_id INTEGER NOT NULL,"
"	gmail_thread INTEGER NOT NULL,"
"	object_id TEXT NOT NULL,"
"	modseq INTEGER NOT NULL,"
"	flags TEXT NOT NULL,"
"	labels TEXT NOT NULL,"
"	received INTEGER NOT NULL,"
"	zone INTEGER NOT NULL,"
"	original_size INTEGER NOT NULL,"
"	original_sha256 BLOB NOT NULL,"
"	to_uidvalidity INTEGER NOT NULL,"
"	to_from_uid INTEGER NOT NULL,"
"	copy_uid INTEGER NOT NULL,"
"	copy_name TEXT NOT NULL,"
"	copy_gmail_id INTEGER NOT NULL,"
"	copy_size INTEGER NOT NULL,"
"	copy_sha256 BLOB NOT NULL,"
"	copy_digest BLOB NOT NULL,"
"	copy_message_id TEXT NOT NULL,"
"	copy_identity_size INTEGER NOT NULL,"
"	mark BLOB NOT NULL,"
"	uid_after INTEGER NOT NULL,"
"	then_ TEXT NOT NULL,"
"	tries INTEGER NOT NULL,"
"	settled INTEGER NOT NULL,"
"	reason TEXT NOT NULL);"
"CREATE INDEX replacement_open ON replacement(id) WHERE settled = 0;"
"CREATE INDEX replacement_change ON replacement(change);"
"CREATE INDEX replacement_nonce ON replacement(nonce);"
"CREATE INDEX replacement_after ON replacement(uid_after);"
"CREATE INDEX replacement_undone ON replacement(id) "
"	WHERE state IN (8, 14);";

/* Since version 3, likewise; see journal_errand.h. */
const char journal_schema_errand[] =
"errand("
"	digest BLOB NOT NULL,"
"	rule TEXT NOT NULL,"
"	kind INTEGER NOT NULL,"
"	part INTEGER NOT NULL,"
"	channel TEXT NOT NULL,"
"	state INTEGER NOT NULL,"
"	change INTEGER NOT NULL,"
"	mailbox INTEGER NOT NULL,"
"	uidvalidity INTEGER NOT NULL,"
"	uid INTEGER NOT NULL,"
"	run INTEGER NOT NULL,"
"	time INTEGER NOT NULL,"
"	urgency INTEGER NOT NULL,"
"	sticky INTEGER NOT NULL,"
"	batch INTEGER NOT NULL,"
"	till_read INTEGER NOT NULL,"
"	icon TEXT NOT NULL,"
"	sound TEXT NOT NULL,"
"	summary TEXT NOT NULL,"
"	body TEXT NOT NULL,"
"	sender TEXT NOT NULL,"
"	subject TEXT NOT NULL,"
"	message_id TEXT NOT NULL,"
"	size INTEGER NOT NULL,"
"	PRIMARY KEY(digest, rule, kind, part, channel)) WITHOUT ROWID;"
"CREATE INDEX errand_open ON errand(state) WHERE state IN (0, 4);";

_Static_assert(CHANGE_UNDONE == 5, "SQL_WAS_UNDONE says so");
_Static_assert(CHANGE_INTENDED == 0, "index change_unsettled says so");
_Static_assert(OP_COPY == 4 && OP_MOVE == 5, "index change_placed says so");
_Static_assert(OP_REPLACE == 7 && OP_NOTIFY == 8 && OP_RUN > OP_NOTIFY &&
    OP_FORWARD > OP_NOTIFY, "SQL_UNSETTLED and SQL_ERRAND_MOVED say so");

const char *const journal_sql[SQL_COUNT] = {
	[SQL_MAILBOX] = "SELECT id, known, uidvalidity, next_uid, "
	    "baseline_uid, modseq, time, names_uidvalidity, names_uidnext, "
	    "baseline_time "
	    "FROM mailbox WHERE name = ?1",
	[SQL_MAILBOX_ADD] = "INSERT INTO mailbox(name) VALUES(?1)",
	[SQL_CHECKPOINT_SET] = "UPDATE mailbox SET known = 1, "
	    "uidvalidity = ?2, next_uid = ?3, baseline_uid = ?4, "
	    "modseq = ?5, time = ?6, baseline_time = ?7 WHERE id = ?1",
	[SQL_PENDING] = "SELECT uid, tries, since, digest, message_id, size, "
	    "reason, uidvalidity FROM pending WHERE mailbox = ?1 "
	    "ORDER BY uidvalidity, uid",
	[SQL_PENDING_ADD] = "INSERT INTO pending(mailbox, uid, uidvalidity, "
	    "since, digest, message_id, size, reason, tries) "
	    "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) "
	    "ON CONFLICT(mailbox, uidvalidity, uid) DO UPDATE "
	    "SET tries = tries + excluded.tries, "
	    "digest = excluded.digest, message_id = excluded.message_id, "
	    "size = excluded.size, reason = excluded.reason",
	[SQL_PENDING_DROP] = "DELETE FROM pending WHERE mailbox = ?1 "
	    "AND uid = ?2 AND uidvalidity = ?3",
	[SQL_PENDING_CLEAR] = "DELETE FROM pending WHERE mailbox = ?1 "
	    "AND uidvalidity <> ?2",
	[SQL_PENDING_NAMES] = "INSERT OR IGNORE INTO pending(mailbox, "
	    "uidvalidity, uid, tries, since, digest, message_id, size, "
	    "reason) SELECT mailbox, ?5, uid, 0, ?4, zeroblob(16), '', 0, "
	    "'not judged yet' FROM name WHERE mailbox = ?1 AND uid >= ?2 "
	    "AND uid < ?3 AND gone IS NULL",
	[SQL_JUDGED] = "SELECT 1 FROM judged WHERE mailbox = ?1 "
	    "AND digest = ?2",
	[SQL_JUDGED_ELSEWHERE] = "SELECT 1 FROM mailbox m JOIN judged j "
	    "ON j.mailbox = m.id AND j.digest = ?2 WHERE m.id <> ?1",
	[SQL_JUDGED_ADD] = "INSERT INTO judged(mailbox, digest, time) "
	    "VALUES(?1, ?2, ?3) ON CONFLICT(mailbox, digest) DO UPDATE "
	    "SET time = excluded.time",
	[SQL_RUN_ADD] = "INSERT INTO run(started, rules_version) "
	    "VALUES(?1, ?2)",
	[SQL_RUN_END] = "UPDATE run SET ended = ?2, judged = ?3, "
	    "changed = ?4, failed = ?5, unknown = ?6, exit_code = ?7 "
	    "WHERE id = ?1",
	[SQL_RUNS] = "SELECT " RUN_COLUMNS " FROM run WHERE id > ?1 "
	    "AND started >= ?2 ORDER BY id LIMIT ?3",
	[SQL_INTEND] = "INSERT INTO change(run, time, mailbox, uidvalidity, "
	    "uid, digest, message_id, size, sender, subject, rules, kind, "
	    "what, flags_before, labels_before, dest_uidvalidity, "
	    "dest_from_uid, dest_uid, state, reason) VALUES(?1, ?2, ?3, ?4, "
	    "?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, "
	    "0, 0, '')",
	[SQL_OUTCOME] = "UPDATE change SET state = ?2, dest_uid = ?3, "
	    "reason = ?4, dest_uidvalidity = ?5 WHERE id = ?1",
	/* who never undid anything has no such note, and no cost */
	[SQL_WAS_UNDONE] = "SELECT 1 FROM note n CROSS JOIN change c "
	    "WHERE n.key = 'undone' AND c.state = 5 AND c.digest = ?2 "
	    "AND c.mailbox = ?1",
	[SQL_UNDONE] = "UPDATE change SET state = ?2 WHERE id = ?1",
	[SQL_UNSETTLED] = "SELECT " CHANGE_COLUMNS " FROM change c "
	    "JOIN mailbox m ON m.id = c.mailbox WHERE c.state = 0 "
	    "AND c.kind < 8 AND NOT EXISTS(SELECT 1 FROM replacement p "
	    "WHERE p.change = c.id) ORDER BY c.id",
	/* UIDs tell twins apart; where they began anew, identity is left */
	[SQL_COPIED] = "SELECT 1 FROM copied WHERE mailbox = ?1 "
	    "AND target = ?2 AND digest = ?3 "
	    "AND (uidvalidity <> ?4 OR uid = ?5)",
	/* what moves takes its copies with it */
	[SQL_COPIED_MOVE] = "INSERT OR IGNORE INTO copied(mailbox, digest, "
	    "target, uidvalidity, uid) SELECT m.id, o.digest, o.target, "
	    "iif(c.dest_uid, c.dest_uidvalidity, 0), c.dest_uid "
	    "FROM change c JOIN mailbox m ON m.name = c.what "
	    "JOIN copied o ON o.mailbox = c.mailbox AND "
	    "o.digest = c.digest AND o.uidvalidity = c.uidvalidity AND "
	    "o.uid = c.uid WHERE c.id = ?1 AND c.kind = 5",
	[SQL_COPIED_DROP] = "DELETE FROM copied "
	    "WHERE (mailbox, digest, uidvalidity, uid) IN (SELECT mailbox, "
	    "digest, uidvalidity, uid FROM change WHERE id = ?1)",
	[SQL_COPIED_ADD] = "INSERT OR IGNORE INTO copied(mailbox, target, "
	    "digest, uidvalidity, uid) SELECT mailbox, what, digest, "
	    "uidvalidity, uid FROM change WHERE id = ?1 AND kind = 4",
	/* UIDs tell where they are told and not begun anew; a move that was
	 * sent and given up (void) may land later */
	[SQL_PLACED] = "SELECT 1 FROM change WHERE digest = ?1 "
	    "AND kind IN (4, 5) AND what = ?3 "
	    "AND ((?6 AND (dest_uid = 0 OR dest_uidvalidity <> ?4) AND "
	    "(state = ?2 OR (state = ?7 AND kind = 5))) OR (state = ?2 "
	    "AND dest_uidvalidity = ?4 AND dest_uid = ?5))",
	[SQL_PRUNE_REPLACEMENTS] = "DELETE FROM replacement "
	    "WHERE settled > 0 AND settled < ?1 AND spooled = 0 "
	    "AND watch < ?1",
	[SQL_PRUNE_CHANGES] = "DELETE FROM change WHERE time < ?1 "
	    "AND state <> 0 AND id NOT IN (SELECT change FROM replacement)",
	[SQL_REPLACE_PUT] = "INSERT OR REPLACE INTO replacement VALUES("
	    "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, "
	    "?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, "
	    "?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?34, ?35, ?36, ?37, "
	    "?38, ?39, ?40, ?41, ?42, ?43)",
	[SQL_REPLACE_OPEN] = REPLACE_SELECT "WHERE p.settled = 0 "
	    "ORDER BY p.id LIMIT ?1",
	[SQL_REPLACE_WATCHED] = REPLACE_SELECT "WHERE p.watch > ?2 "
	    "AND p.settled > 0 ORDER BY p.id LIMIT ?1",
	[SQL_REPLACE_KEPT] = REPLACE_SELECT "WHERE p.spooled = 1 "
	    "AND p.settled > 0 ORDER BY p.settled, p.id LIMIT ?1",
	[SQL_REPLACE_OF_CHANGE] = REPLACE_SELECT "WHERE p.change = ?2 "
	    "ORDER BY p.id LIMIT ?1",
	[SQL_REPLACE_NEEDS] = "SELECT settled = 0 OR spooled = 1, "
	    "settled = 0 OR watch > ?2 FROM replacement WHERE nonce = ?1",
	/* a copy that was told by its UID is no other message; one that may
	 * have landed late is */
	[SQL_REPLACE_IS_OURS] = "SELECT 1 FROM replacement p "
	    "JOIN change c ON c.id = p.change "
	    "JOIN mailbox m ON m.id = c.mailbox "
	    "WHERE p.nonce = ?1 AND p.mark = ?2 AND NOT (p.state = 9 "
	    "AND p.uid_after <> 0 AND m.name = ?3 AND c.uidvalidity = ?4 "
	    "AND p.uid_after <> ?5 AND p.watch <= ?6)",
	/* on Gmail identity is enough, and the UID is another mailbox's */
	[SQL_REPLACE_RESTORED] = "SELECT 1 FROM replacement p "
	    "JOIN change c ON c.id = p.change "
	    "JOIN mailbox m ON m.id = c.mailbox "
	    "WHERE p.state IN (8, 14) AND c.digest = ?1 AND m.name = ?2 "
	    "AND (p.gmail_id <> 0 OR p.original_uid = ?3)",
	[SQL_REPLACE_MADE] = "SELECT 1 FROM replacement p "
	    "JOIN change c ON c.id = p.change "
	    "JOIN mailbox m ON m.id = c.mailbox "
	    "WHERE p.uid_after = ?3 AND m.name = ?1 AND c.uidvalidity = ?2 "
	    "AND c.what = ?4 AND p.state IN (9, 10)",
	/* by its UID, or brought back by undo and then by identity */
	[SQL_REPLACE_BEFORE] = "SELECT (SELECT count(*) FROM change o "
	    "JOIN replacement p ON p.change = o.id WHERE "
	    "o.mailbox = c.mailbox AND o.uid = c.uid AND o.id <> c.id "
	    "AND p.tried > 0 AND p.settled > 0) + (SELECT count(*) "
	    "FROM replacement p JOIN change o ON o.id = p.change "
	    "WHERE p.state IN (8, 14) AND o.digest = c.digest "
	    "AND o.uid <> c.uid) FROM change c WHERE c.id = ?1",
	/* what was copied of the original was of the copy */
	/* and what was done for the original is for the copy: told of, too,
	 * where that waits, since the original waits on */
	[SQL_REPLACE_ERRANDS] = "INSERT OR IGNORE INTO errand SELECT ?2, "
	    "r.rule, r.kind, r.part, r.channel, iif(r.state = 4, 1, "
	    "r.state), 0, r.mailbox, r.uidvalidity, r.uid, r.run, r.time, "
	    "r.urgency, r.sticky, r.batch, r.till_read, '', '', '', '', "
	    "'', '', r.message_id, r.size FROM change c JOIN errand r "
	    "ON r.digest = c.digest WHERE c.id = ?1",
	[SQL_REPLACE_COPIED] = "INSERT OR IGNORE INTO copied(mailbox, "
	    "digest, target, uidvalidity, uid) SELECT o.mailbox, ?2, "
	    "o.target, o.uidvalidity, ?3 FROM change c JOIN copied o "
	    "ON o.mailbox = c.mailbox AND o.digest = c.digest AND "
	    "o.uidvalidity = c.uidvalidity AND o.uid = c.uid "
	    "WHERE c.id = ?1",
	/* those of the last run that judged are needed when UIDs begin anew,
	 * however long it is ago */
	[SQL_PRUNE_JUDGED] = "DELETE FROM judged WHERE time < ?1 AND time < "
	    "(SELECT m.time - 7 * 86400 FROM mailbox m "
	    "WHERE m.id = judged.mailbox)",
	[SQL_PRUNE_RUNS] = "DELETE FROM run WHERE started < ?1 AND NOT "
	    "EXISTS(SELECT 1 FROM change WHERE change.run = run.id)",
	/* a name that comes back after that is given another UID */
	[SQL_PRUNE_COPIED] = "DELETE FROM copied "
	    "WHERE (mailbox, uidvalidity, uid) IN (SELECT n.mailbox, "
	    "m.names_uidvalidity, n.uid FROM name n "
	    "JOIN mailbox m ON m.id = n.mailbox WHERE n.gone < ?1)",
	[SQL_PRUNE_NAMES] = "DELETE FROM name WHERE gone < ?1",
	[SQL_NAMES] = "SELECT name, uid, gone FROM name WHERE mailbox = ?1 "
	    "ORDER BY name",
	[SQL_NAME_ADD] = "INSERT INTO name(mailbox, name, uid) "
	    "VALUES(?1, ?2, ?3) ON CONFLICT(mailbox, name) DO UPDATE "
	    "SET uid = excluded.uid, gone = NULL",
	[SQL_NAME_GONE] = "UPDATE name SET gone = ?3 WHERE mailbox = ?1 "
	    "AND name = ?2",
	[SQL_NAMES_NUMBERS] = "UPDATE mailbox SET names_uidvalidity = ?2, "
	    "names_uidnext = ?3 WHERE id = ?1",
	[SQL_NAMES_NEXT] = "UPDATE mailbox SET next_uid = ?2 WHERE id = ?1",
	[SQL_ERRAND_KNOWN] = "SELECT state <> 1 AND state <> 4 FROM errand "
	    "WHERE digest = ?1 AND rule = ?2 AND kind = ?3 AND part = ?4 "
	    "ORDER BY 1 DESC",
	[SQL_ERRAND_DROP] = "DELETE FROM errand WHERE digest = ?1 "
	    "AND rule = ?2 AND kind = ?3 AND part = ?4 AND channel = ?5",
	[SQL_ERRAND_PUT] = "INSERT OR REPLACE INTO errand VALUES(?1, ?2, ?3, "
	    "?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, "
	    "?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24)",
	[SQL_ERRANDS_WAITING] = "SELECT r.digest, r.rule, r.kind, r.part, "
	    "r.channel, m.name, r.uidvalidity, r.uid, r.run, r.time, "
	    "r.urgency, r.sticky, r.batch, r.till_read, r.icon, r.sound, "
	    "r.summary, r.body, r.sender, r.subject, r.message_id, r.size "
	    "FROM errand r JOIN mailbox m ON m.id = r.mailbox "
	    "WHERE r.state = ?1 AND r.state IN (0, 4) "
	    "ORDER BY m.name, r.uidvalidity, r.uid, r.rule, r.part",
	[SQL_ERRAND_MOVED] = "SELECT 1 FROM change c JOIN mailbox m "
	    "ON m.id = c.mailbox WHERE m.name = ?1 AND c.uidvalidity = ?2 "
	    "AND c.uid = ?3 AND c.kind IN (?4, 7) AND c.state = ?5",
	[SQL_RULE] = "SELECT time FROM rule WHERE name = ?1",
	[SQL_RULE_SET] = "INSERT INTO rule(name, time) VALUES(?1, ?2) "
	    "ON CONFLICT(name) DO UPDATE SET time = excluded.time",
	[SQL_NOTE] = "SELECT value FROM note WHERE key = ?1",
	[SQL_NOTE_SET] = "INSERT INTO note(key, value) VALUES(?1, ?2) "
	    "ON CONFLICT(key) DO UPDATE SET value = excluded.value",
};
