"""Where a Redshift warehouse is and how long to wait for it; plain data, filled by `walmart_bi/settings_aws.py`."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class RedshiftSettings:
    """A workgroup of Redshift Serverless, logged into with AWS credentials, or a host with user and password.

    Either `workgroup` or `host`, `user` and `password` are set. Times are in seconds: `connect_timeout` bounds one
    attempt to log in, `wake_timeout` all of them together (a paused workgroup needs a minute or two), and
    `statement_timeout` one statement. There is no setting about TLS: the certificate and its name are always checked.
    """

    database: str
    copy_role_arn: str
    schema: str = "public"
    workgroup: str | None = None
    host: str | None = None
    port: int = 5439
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    connect_timeout: float = 60.0
    wake_timeout: float = 180.0
    statement_timeout: float = 900.0

    @property
    def place(self) -> str:
        """The warehouse as an error names it."""
        return f"Redshift {self.workgroup or self.host}, database {self.database}"
