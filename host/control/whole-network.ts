import type { NetworkMessage } from '@/contracts/host/v1/networks'

/** Puts the parts of what is told of a network (`more`) into one message, so that nobody carries out half of it. Null: its last part has not come. */
export class WholeNetwork {
  private begun: NetworkMessage | null = null

  take({ more, ...message }: NetworkMessage): NetworkMessage | null {
    const begun = this.begun?.networkId === message.networkId ? this.begun : null
    const whole = begun ? { ...begun, set: [...begun.set, ...message.set], remove: [...begun.remove, ...message.remove] } : message
    this.begun = more ? whole : null
    return more ? null : whole
  }

  /** A part could not be read: those before it are not carried out. */
  drop(networkId: string): void {
    if (this.begun?.networkId === networkId) this.begun = null
  }
}
