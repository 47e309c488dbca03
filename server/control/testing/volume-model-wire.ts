/** What a server says of the one volume: `HostVolume` of contracts/host/v1/volumes.ts as far as it decides, with the snapshots that are asked for. */
export type ModelObject = { epoch: number; keeper: boolean; fence: number | null; size: number; purge: boolean; revertTo: string | null; snapshots: string[]; attachments: { podUid: string; epoch: number; readOnly: boolean }[] }
/** `object` null: it is removed, or not named where the message is complete. */
export type ModelMessage = { complete: boolean; object: ModelObject | null }
/** `gone`: the answer to a removal. A complete report without `named` says that nothing of it is here. */
export type ModelReport = { complete: boolean; named: boolean; gone: boolean; epoch: number; made: boolean; size: number; purged: boolean; revertedTo: string | null; fencedBelow: number; snapshots: string[]; attached: string[]; detached: string[] }

/** A right of one pod under one fencing number. */
export const rightKey = (podUid: string, epoch: number | null): string => `${podUid}/${epoch ?? 0}`

/** One connection of a host: what is under way on it is lost with it. */
export class ModelConnection {
  readonly toHost: ModelMessage[] = []
  readonly toServer: ModelReport[] = []
}
