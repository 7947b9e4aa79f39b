"""A stand-in for Amazon Redshift in tests: PostgreSQL behind a front that speaks as Redshift does on the wire.

It is not Redshift, and no emulator of it. It lets the unmodified driver log in over TLS, runs the SQL on PostgreSQL,
and carries out COPY against an S3 server inside the client's transaction. So it shows protocol, transactions, statement
order, S3 traffic and how errors are handled. It cannot show Redshift's planner, exact numerics, locking in every
detail, catalog, IAM permissions or speed; where a message or a rule is a guess, the code beside it says so.

    postgres.py   one PostgreSQL cluster on a unix socket, thrown away or kept
    messages.py   frames of the wire protocol
    backend.py    one session on PostgreSQL
    dialect.py    what Redshift says and PostgreSQL does not, and the other way round
    copying.py    COPY from S3; s3_objects.py finds the files, columns.py judges their types
    front.py      the listener and a client's session
    identity.py   GetCredentials and GetWorkgroup over HTTP, which hand out temporary passwords
    standin.py    all of it together, started and stopped
"""
