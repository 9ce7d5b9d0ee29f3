"""What the way to a receiver does to webhooks now and then: repeats one, or lets a later one overtake it."""

from collections.abc import Iterable
from dataclasses import replace
from random import Random

from opbx.operations.simulator.vocabularies import Webhook

REPEATED = 0.04
OVERTAKEN = 0.03


def befall(random: Random, story: Iterable[Webhook]) -> list[Webhook]:
    """The webhooks with the times at which they will really be sent; what they say stays as it was."""
    webhooks = list(story)
    for place in range(len(webhooks) - 1):
        if random.random() < OVERTAKEN:
            late = webhooks[place + 1].at + 0.2
            webhooks[place] = replace(webhooks[place], at=late)
    repeated = [
        replace(webhook, at=webhook.at + random.uniform(0, 2)) for webhook in webhooks if random.random() < REPEATED
    ]
    return sorted(webhooks + repeated, key=lambda webhook: webhook.at)
