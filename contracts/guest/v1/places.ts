/** Where a volume cannot be in a container, as the server refuses it: a guest meets it where a link of the image leads there. */
export { kernelFolderOf, kernelFolders, plainPath, sharedMemoryFolder } from '@/domain/volume/places'
