/** The pages; those that are not the first to be seen are loaded when they are opened. */

import { BrokenPage, BrokenShell } from '@/layout/Broken';
import { ComingPage } from '@/layout/ComingPage';
import { Managing } from '@/layout/Managing';
import { Shell } from '@/layout/Shell';
import { LivePage } from '@/pages/LivePage';
import { NotFoundPage } from '@/pages/NotFoundPage';
import { SettingsPage } from '@/pages/SettingsPage';
import { createBrowserRouter } from 'react-router';

export const router = createBrowserRouter([
  {
    element: <Shell />,
    errorElement: <BrokenShell />,
    children: [
      {
        errorElement: <BrokenPage />,
        hydrateFallbackElement: <ComingPage />,
        children: [
          { path: '/', element: <LivePage /> },
          {
            path: '/history',
            lazy: async () => ({ Component: (await import('@/pages/HistoryPage')).HistoryPage }),
            children: [
              { path: ':callId', lazy: async () => ({ Component: (await import('@/history/CallDrawer')).CallDrawer }) },
            ],
          },
          {
            path: '/statistics',
            lazy: async () => ({ Component: (await import('@/pages/StatisticsPage')).StatisticsPage }),
          },
          {
            element: <Managing />,
            children: [
              { path: '/users', lazy: async () => ({ Component: (await import('@/pages/UsersPage')).UsersPage }) },
              { path: '/tokens', lazy: async () => ({ Component: (await import('@/pages/TokensPage')).TokensPage }) },
              { path: '/senders', lazy: async () => ({ Component: (await import('@/pages/SendersPage')).SendersPage }) },
              { path: '/delivery', lazy: async () => ({ Component: (await import('@/pages/DeliveryPage')).DeliveryPage }) },
              { path: '/audit', lazy: async () => ({ Component: (await import('@/pages/AuditPage')).AuditPage }) },
            ],
          },
          { path: '/settings', element: <SettingsPage /> },
          { path: '*', element: <NotFoundPage /> },
        ],
      },
    ],
  },
]);
