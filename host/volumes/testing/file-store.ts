import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FileStore } from '../file/file-store'
import type { Image } from '../store'
import { layersNode, openWithQemuIo, type OpenImage } from './qemu-io'
import type { StoreUnderTest } from './store-under-test'

export const openLayers = (image: Image): Promise<OpenImage> => {
  const { node, readOnly } = layersNode(image)
  return openWithQemuIo([...(readOnly ? ['-r'] : []), node])
}

/** A store of files in a folder of its own, with one agent at a time that can be made to die at a step. */
export async function openFileStore(): Promise<StoreUnderTest & { root: string }> {
  const root = await mkdtemp(join(tmpdir(), 'file-store-'))
  const options = { name: 'test', shared: false }
  let store = await FileStore.open(root, options)
  return {
    root,
    store: () => store,
    other: () => FileStore.open(root, { ...options, shared: true }),
    open: openLayers,
    dying: async (last) => {
      await store.close()
      let step = 0
      let die = (): void => {}
      const died = new Promise<void>((resolve) => (die = resolve))
      store = await FileStore.open(root, {
        ...options,
        // A call of an agent that died never ends: neither its next step nor what it does after a failure is done.
        step: () => ((step += 1) === last ? (die(), new Promise<void>(() => {})) : undefined),
      })
      return { store, died }
    },
    restart: async () => {
      await store.close()
      store = await FileStore.open(root, options)
    },
    close: async () => {
      await store.close()
      await rm(root, { recursive: true, force: true })
    },
  }
}
