import { signals, type SignalName } from '@/contracts/guest/v1/requests'

/** The numbers 32 and 33 are libc's own. */
const firstRealTime = 34
const standard = 31

/** A signal's number on x86-64. */
export function signalNumber(name: SignalName): number {
  const index = signals.indexOf(name)
  return index < standard ? index + 1 : index - standard + firstRealTime
}
