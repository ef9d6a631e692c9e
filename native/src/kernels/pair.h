/** Two threads that share many small jobs, one after another, where waking threads for each would take longer than the job. */
#pragma once
#include <atomic>
#include <cstdint>

#include "../simd.h"
#include "../threads.h"

namespace keras::KERAS_ISA {

/**
 * One thread leads. If another comes along while it does, that one takes the second half of each job, or leaves it to the leader
 * when it is late: so nothing waits for a thread that may never start. What a half computes does not depend on who does.
 */
class Pair {
 public:
  /**
   * Calls `lead` once, which hands its jobs to `split`.
   *
   * @param follow - Called with `help` by the other thread, so that it can prepare itself before and clear up afterwards.
   */
  template <class Lead, class Follow>
  void run(const Threads& threads, const Lead& lead, const Follow& follow) {
    threads.each(2, [&](size_t) {
      if (isLed_.exchange(true)) {
        if (open_.load(std::memory_order_acquire) != kEnd) follow([this] { help(); });
        return;
      }
      lead();
      open_.store(kEnd, std::memory_order_release);
    });
  }

  /**
   * A job. To be called by the leader.
   *
   * @param first - The leader's half.
   * @param second - The other one, with whether it is the leader that does it.
   */
  template <class First, class Second>
  void split(const First& first, const Second& second) {
    task_ = [](const void* data) { (*static_cast<const Second*>(data))(false); };
    data_ = &second;
    const uint64_t job = ++jobs_;
    open_.store(job, std::memory_order_release);
    first();
    uint64_t before = job - 1;
    if (claimed_.compare_exchange_strong(before, job, std::memory_order_acq_rel)) {
      second(true);
    } else {
      while (done_.load(std::memory_order_acquire) != job) relax();
    }
  }

 private:
  static constexpr uint64_t kEnd = UINT64_MAX;

  void help() {
    for (;;) {
      const uint64_t job = open_.load(std::memory_order_acquire);
      if (job == kEnd) return;
      // What is claimed only grows, to the job before at least: a job that is over cannot be claimed again.
      uint64_t before = job - 1;
      if (job > 0 && claimed_.compare_exchange_strong(before, job, std::memory_order_acq_rel)) {
        task_(data_);
        done_.store(job, std::memory_order_release);
      } else {
        relax();
      }
    }
  }

  // Each on a line of a cache of its own, so that who waits for one does not slow down the others.
  alignas(64) std::atomic<uint64_t> open_{0};
  alignas(64) std::atomic<uint64_t> claimed_{0};
  alignas(64) std::atomic<uint64_t> done_{0};
  alignas(64) std::atomic<bool> isLed_{false};
  void (*task_)(const void*) = nullptr;
  const void* data_ = nullptr;
  uint64_t jobs_ = 0;
};

}  // namespace keras::KERAS_ISA
