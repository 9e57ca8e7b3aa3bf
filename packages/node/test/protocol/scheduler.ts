import { Clock, Duration, Effect, Exit, type Fiber, FiberId, type Scheduler } from "effect"

/**
 * Runs fibers one step at a time, in a chosen order, with a clock that only the test advances. So every run is the same, and
 * a fiber can be interrupted between any two steps.
 */
export interface Scheduler {
  readonly fork: <A, E>(effect: Effect.Effect<A, E>) => Fiber.RuntimeFiber<A, E>
  /** Runs once, between the steps of fibers. */
  readonly schedule: (task: () => void) => void
  /** One step of one fiber; `false` when none has anything to do. */
  readonly step: () => boolean
  /** Until none has anything to do. */
  readonly settle: () => void
  readonly adjust: (millis: number) => void
  readonly now: () => number
}

export interface Options {
  /** Chooses the next of `count`. Default: in order. */
  readonly pick?: (count: number) => number
  /** Whether a step is the smallest part of an effect, rather than all that it does until it waits. */
  readonly small?: boolean
}

export const make = ({ pick = () => 0, small = false }: Options = {}): Scheduler => {
  const tasks: Array<() => void> = []
  const timers: Array<{ readonly at: number; readonly wake: () => void }> = []
  let now = 1_000_000

  const clock: Clock.Clock = {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis: () => now,
    currentTimeMillis: Effect.sync(() => now),
    unsafeCurrentTimeNanos: () => BigInt(now) * 1_000_000n,
    currentTimeNanos: Effect.sync(() => BigInt(now) * 1_000_000n),
    sleep: (duration) =>
      Effect.async<void>((resume) => {
        const timer = { at: now + Duration.toMillis(duration), wake: () => resume(Effect.void) }
        timers.push(timer)
        return Effect.sync(() => {
          const at = timers.indexOf(timer)
          if (at >= 0) timers.splice(at, 1)
        })
      })
  }
  const scheduler: Scheduler.Scheduler = {
    // Two is what it takes to go on after a pause. One with a priority takes more, for which it would pause again.
    shouldYield: (fiber) => small && fiber.currentOpCount > 2 ? undefined as unknown as number : false,
    scheduleTask: (task) => void tasks.push(task)
  }

  const step = () => {
    const [task] = tasks.splice(pick(tasks.length), 1)
    task?.()
    return task !== undefined
  }
  const settle = () => {
    for (let steps = 0; step(); steps++) {
      if (steps > 50_000) throw new Error("fibers go on for ever")
    }
  }

  return {
    fork: (effect) => Effect.runFork(Effect.withClock(effect, clock), { scheduler, immediate: false }),
    schedule: (task) => void tasks.push(task),
    step,
    settle,
    adjust: (millis) => {
      const end = now + millis
      settle()
      while (true) {
        timers.sort((a, b) => a.at - b.at)
        const [next] = timers
        if (next === undefined || next.at > end) break
        timers.shift()
        now = Math.max(now, next.at)
        next.wake()
        settle()
      }
      now = end
    },
    now: () => now
  }
}

export const interrupt = (fiber: Fiber.RuntimeFiber<unknown, unknown>): void =>
  fiber.unsafeInterruptAsFork(FiberId.none)

export const isDone = (fiber: Fiber.RuntimeFiber<unknown, unknown>): boolean => fiber.unsafePoll() !== null

/** The exit of a fiber that has ended. */
export const exitOf = <A, E>(fiber: Fiber.RuntimeFiber<A, E>): Exit.Exit<A, E> =>
  fiber.unsafePoll() ?? Exit.die(new Error("the fiber has not ended"))

/** Numbers below a limit, the same for the same seed (mulberry32). */
export const random = (seed: number): (limit: number) => number => {
  let state = seed
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor(((mixed ^ (mixed >>> 14)) >>> 0) / 0x100000000 * limit)
  }
}
