import { externalObject, externalObjectKey, type ExternalMessage, type ExternalObject } from '@/contracts/host/v1/external'
import { ToldObjects, type Prepared as PreparedObject } from './told-objects'

export type Prepared = PreparedObject<ExternalObject>

/** What one connection of a host has been told of the outside. */
export class ToldExternal extends ToldObjects<ExternalObject> {
  constructor() {
    super(externalObject, externalObjectKey)
  }

  /** The messages that make the host know these objects and no others; see {@link ToldObjects.parts}. */
  messages(objects: readonly Prepared[], only?: (key: string) => boolean): ExternalMessage[] {
    return this.parts(objects, only).map((part) => ({ kind: 'externalObjects', ...part }))
  }
}
