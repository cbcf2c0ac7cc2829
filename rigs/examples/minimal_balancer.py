#!/usr/bin/env python3
"""The smallest load balancer that hanbench takes: shares what the busiest line has left evenly.

    cargo xtask sim fixtures/scenarios --balancer "process:python3 -u rigs/examples/minimal_balancer.py"
    cargo xtask run --rig rigs/balancer-process.toml --suite balance

One line of JSON comes in for every batch of events, exactly one goes out (docs/contract.md, section 4). It knows nothing of circuits,
priorities, wiring or three-wire nets; the report says what that costs.
"""

import json
import sys

MARGIN_MA = 1000
STALE_MS = 15_000
LEASE_S = 60


class Balancer:
    def __init__(self):
        self.site = None
        self.busiest_ma = None
        self.heard_ms = None
        self.chargers = {}
        self.given = {}
        self.asked_ms = {}
        self.raised_ms = 0

    def hear(self, t_ms, event):
        kind = event["type"]
        if kind == "config":
            self.site = event["site"]
        elif kind == "meter":
            known = [abs(ma) for ma in event["i_ma"] if ma is not None]
            if known:
                num, den = self.site["scale"]
                self.busiest_ma = max(known) * num // den
                self.heard_ms = t_ms
        elif kind == "charger":
            self.chargers[event["id"]] = event

    def commands(self, t_ms):
        out = []
        for known in self.site["chargers"]:
            status = self.chargers.get(known["id"])
            # A limit for the time when nobody can be heard comes before anything is allowed.
            if status and status["offline_ma"] != 0 and t_ms - self.asked_ms.get(known["id"], -LEASE_S * 1000) >= 10_000:
                self.asked_ms[known["id"]] = t_ms
                out.append({"type": "offline", "id": known["id"], "current_ma": 0})
        fresh = self.heard_ms is not None and t_ms - self.heard_ms <= STALE_MS
        hungry = [
            status for status in self.chargers.values() if status["state"] in ("waiting", "charging")
        ]
        share = self.share(hungry) if fresh and hungry else 0
        for known in self.site["chargers"]:
            status = self.chargers.get(known["id"])
            if status is None:
                continue
            want = min(share, status["max_ma"]) // known["step_ma"] * known["step_ma"]
            if want < known["min_ma"]:
                want = 0
            if status not in hungry:
                want = 0
            before, sent_ms = self.given.get(known["id"], (None, None))
            raising = before is not None and want > before
            if raising and t_ms - sent_ms < 30_000:
                want = before
            if want != before or t_ms - sent_ms >= LEASE_S * 500:
                at = t_ms if want != before else sent_ms
                if want == before:
                    at = t_ms
                self.given[known["id"]] = (want, at)
                out.append({"type": "limit", "id": known["id"], "current_ma": want, "phases": known["phases"], "ttl_s": LEASE_S})
        return out

    def share(self, hungry):
        drawn = max((sum(status["i_ma"][line] for status in hungry) for line in range(3)), default=0)
        left = self.site["supply_max_ma"] - MARGIN_MA - max(self.busiest_ma - drawn, 0)
        return max(left, 0) // len(hungry)


def main():
    balancer = Balancer()
    for line in sys.stdin:
        batch = json.loads(line)
        for event in batch["events"]:
            balancer.hear(batch["t_ms"], event)
        print(json.dumps({"commands": balancer.commands(batch["t_ms"])}), flush=True)


if __name__ == "__main__":
    main()
