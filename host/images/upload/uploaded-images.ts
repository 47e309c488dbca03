import { join } from 'node:path'
import type { ImageLimits } from '../layer/limits'
import type { Catalogue, CatalogueImage } from '../store/catalogue'
import { Flights, type Waiter } from '../store/flights'
import type { ImageMaker } from '../store/maker'
import type { Pins } from '../store/pins'
import type { Room } from '../store/room'
import type { Slots } from '../store/slots'
import { importUpload, uploadName, type Upload } from './import-upload'

type Parts = { catalogue: Catalogue; pins: Pins; room: Room; slots: Slots; mergeSlots: Slots; maker: ImageMaker; limits: ImageLimits }
type Wanted = { name: string; inBackground: boolean; waiter: Waiter }

/** Images of tenants' own archives, each made once whoever waits for it. */
export class UploadedImages {
  readonly #flights = new Flights<CatalogueImage>()

  constructor(private readonly parts: Parts) {}

  /** The image of a tenant's archive, under a name that no reference can have, pinned until `release`. */
  async image({ name, waiter, inBackground }: Wanted, tenantId: string, upload: Upload): Promise<{ image: CatalogueImage; release: () => void }> {
    const own = uploadName(tenantId, upload.id)
    const known = this.parts.catalogue.reference(own)
    const present = known && this.parts.catalogue.image(known.digest)
    if (present) return { image: present, release: this.parts.pins.hold(present.digest) }
    const image = await this.#flights.join(own, waiter, (report, shared, by) =>
      this.parts.slots.run({ by, signal: shared, inBackground }, () => this.parts.maker.built({ upload: upload.id, image: name }, shared, async (folder) => {
        // The archive as it came, what it becomes unpacked, and the image.
        const [archive, unpacked, squashfs] = [this.parts.room.growing(upload.bytes), this.parts.room.growing(upload.bytes), this.parts.room.growing(upload.bytes)]
        const makeRoom = (bytes: number) => {
          archive.release()
          return unpacked.take(bytes)
        }
        try {
          await archive.ahead(upload.bytes)
          await squashfs.ahead(upload.bytes)
          const made = await importUpload({ upload, tenantId, reference: name, folder, limits: this.parts.limits, makeRoom, report, signal: shared })
          const image = await this.parts.mergeSlots.run({ by, signal: shared, inBackground }, () => this.parts.maker.merged(made, join(folder, 'image.squashfs'), { by, signal: shared }, squashfs.take, report))
          await this.parts.catalogue.setReference(own, made.digest, `${tenantId}:upload`, { shownAs: name })
          return image
        } finally {
          for (const { release } of [archive, unpacked, squashfs]) release()
        }
      })),
    )
    return { image, release: this.parts.pins.hold(image.digest) }
  }
}
