/** A host's machine. Asleep it does nothing, and goes on later where it was; off it has lost all that is not on its disk. Cut off, its agent and the server do not hear of each other, and all else goes on. */
export class ModelMachine {
  power: 'on' | 'asleep' | 'off' = 'on'
  cutOff = false
  /** An operator said that it runs nothing, and it is not let in. */
  declared = false
  /** The server has heard nothing for its time. */
  lost = false
  constructor(readonly id: string) {}

  get isAwake(): boolean {
    return this.power === 'on'
  }
  get isHeard(): boolean {
    return this.isAwake && !this.cutOff && !this.declared
  }
}
