"""Locks between hosts: leases with a heartbeat, a rising number, and publishing that needs it.

`register` and `objects` are where leases are written down, `log` is the history of one, `lease`
takes, keeps and loses one, `space` keeps the hosts' work apart, and `exchange` carries a result
from one clone to another. Who uses leases at all is decided in `setup.hardware.leases`.
"""
