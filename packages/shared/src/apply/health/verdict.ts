/** The words of kstatus: dashboards and people know them. */
export type HealthStatus = 'Current' | 'InProgress' | 'Failed' | 'Terminating' | 'NotFound' | 'Unknown'

/** How one object is. */
export interface Health {
  readonly status: HealthStatus
  /** For people; `''` where there is nothing to say. */
  readonly message: string
}

export const current: Health = { status: 'Current', message: '' }
export const notFound: Health = { status: 'NotFound', message: '' }
export const unknown: Health = { status: 'Unknown', message: '' }
export const terminating: Health = { status: 'Terminating', message: 'being deleted' }

export const inProgress = (message: string): Health => ({ status: 'InProgress', message })
export const failed = (message: string): Health => ({ status: 'Failed', message })
