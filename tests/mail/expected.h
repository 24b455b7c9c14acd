/* What test_mime.c expects of the messages in this folder: file, From as
 * "name|address", Subject, Date, body texts, attachments. */
{ "mixed.eml", "Alice M\xC3\xBCller, Example|alice@xn--bcher-kva.example",
    "Rechnung f\xC3\xBCr Januar (42)", INT64_C(1579089600),
    "[Gr\xC3\xBC\xC3\x9F" "e, here is the invoice.\n> one two\n-- ]"
    "[Gr\xC3\xBC\xC3\x9F" "e,\nhere is the invoice.\n]"
    "[seen by the reader]",
    "application/pdf:9:Rechnung f\xC3\xBCr Januar.pdf / "
    "text/plain:18:note.txt / text/plain:22:log.txt" },
{ "bounce.eml", "Mail Delivery System|MAILER-DAEMON@mail.example.org",
    "Undelivered Mail Returned to Sender", INT64_C(1579089600),
    "[I could not deliver it.\n]", "image/gif:14:a.gif" },
{ "legacy.eml", "M\xC3\xBCller, Alice|alice@example.org",
    "Gr\xC3\xBC\xC3\x9F" "e \xE2\x80\x93 50 \xE2\x82\xAC "
    "\xC3\xBC" "ber alles", INT64_C(1579089600),
    "[Preis: 50 \xE2\x82\xAC, gr\xC3\xBC\xC3\x9F" "e\n]", "" },
{ "newsletter.eml", "News|news@lists.example.org",
    "\xE4\xBD\xA0\xE5\xA5\xBD" BAD "9 =?x-unknown?Q?=41?=",
    INT64_C(1579089600),
    "[Big sale\nFree \xE2\x82\xAC 50 now\n]", "" },
{ "joined.eml", "Alice|alice@example.org",
    "Report \"\xC3\xBC" "ber\"", INT64_C(1579089600),
    "[\xE6\x97\xA5\xE6\x9C\xAC][no header, only text]",
    "application/octet-stream:5:\xC3\xBC" },
