import type { SignalName } from '@/contracts/guest/v1/messages'

const numbers: Record<SignalName, number> = { HUP: 1, INT: 2, QUIT: 3, KILL: 9, USR1: 10, USR2: 12, TERM: 15, CONT: 18, STOP: 19, WINCH: 28 }

/** A signal's number on x86-64. */
export function signalNumber(name: SignalName): number {
  return numbers[name]
}
