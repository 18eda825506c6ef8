import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** What a cluster of its own is made from. */
const parts = [join('charts', 'weir', 'rbac'), join('e2e', 'control-plane')]

/** Root of the checkout that a folder lies in; undefined outside of one. Upwards, as a bundle lies elsewhere than the sources. */
export function findCheckout(from: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    if (parts.every((part) => existsSync(join(folder, part)))) return folder
    if (folder === dirname(folder)) return undefined
  }
}

export const waysToACluster = `no cluster: this is not a checkout of Weir, which could build one of its own. Ways to get one:
  weir up --kubeconfig FILE [--context NAME]    look after a cluster that there is
  kind create cluster, or k3d, or minikube      a cluster in containers; then as above
  in a checkout of Weir, with Go installed      weir up builds and starts one`
