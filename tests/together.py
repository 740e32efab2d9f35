"""Work that several threads do at once."""

import threading


def together(work, count=4):
    """Call work(0), work(1), ... each in a thread of its own, and wait for all."""
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
