/** A thread of our own that sessions of one thread may share work with. */
#pragma once
#include "threads.h"

namespace keras {

/**
 * Tasks go to the calling thread and to the companion, if that has nothing else to do and comes in time. It looks out for more for 0.4 ms,
 * then it sleeps.
 *
 * Sessions of small programs have no threads of the engine's: those would wait for work after every run, and divide whatever is worth
 * 10 µs. Processors that are far from each other lose more by fetching each other's memory than such tasks gain, and which two a
 * virtual machine has changes: so how long a question and its answer take is measured now and then, and nothing shared while it is long.
 */
Threads companionThreads();

}  // namespace keras
