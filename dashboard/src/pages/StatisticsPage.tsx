import type { Statistics } from '@/api/types';
import { cityOf } from '@/formatting/time';
import { Page } from '@/layout/Page';
import { Busiest } from '@/statistics/Busiest';
import { CallsOverTime } from '@/statistics/CallsOverTime';
import { Outcomes } from '@/statistics/Outcomes';
import { barsOfDay, barsOfPeriod } from '@/statistics/series';
import { Summary } from '@/statistics/Summary';
import { PERIODS, useStatistics, type Period } from '@/statistics/useStatistics';
import { Blank, Failure, Skeleton } from '@/ui/Blank';
import { ChartIcon } from '@/ui/icons';
import { Segments } from '@/ui/Segments';
import { useMemo } from 'react';
import { useSearchParams } from 'react-router';

const PERIOD_WORDS: Record<Period, string> = { today: 'Today', '7d': '7 days', '30d': '30 days' };

export function StatisticsPage() {
  const [search, setSearch] = useSearchParams();
  const period = PERIODS.find((known) => known === search.get('period')) ?? 'today';
  const statistics = useStatistics(period);

  return (
    <Page title="Statistics">
      <div className="grid gap-4" aria-busy={statistics.isFetching}>
        <Segments<Period>
          className="justify-self-start"
          label="Period"
          value={period}
          onChange={(chosen) => setSearch({ period: chosen }, { replace: true })}
          choices={PERIODS.map((value) => ({ value, label: PERIOD_WORDS[value] }))}
        />
        {statistics.data ? (
          <Charts statistics={statistics.data} />
        ) : (
          <section className="panel" aria-label="Statistics">
            {statistics.error ? (
              <Failure
                title="The statistics cannot be loaded"
                error={statistics.error}
                retry={() => void statistics.refetch()}
              />
            ) : (
              <Skeleton label="Loading the statistics" />
            )}
          </section>
        )}
      </div>
    </Page>
  );
}

function Charts({ statistics }: { statistics: Statistics }) {
  const overPeriod = useMemo(() => barsOfPeriod(statistics), [statistics]);
  const overDay = useMemo(() => barsOfDay(statistics), [statistics]);
  const hourly = statistics.interval === 'hour';

  if (statistics.totals.total === 0) {
    return (
      <section className="panel" aria-label="Statistics">
        <Blank icon={ChartIcon} title="No calls in this time">
          Figures appear with the first one.
        </Blank>
      </section>
    );
  }
  return (
    <>
      <Summary statistics={statistics} />
      <div className="grid items-start gap-4 xl:grid-cols-[minmax(0,2fr)_minmax(0,1fr)]">
        <div className="grid min-w-0 gap-4">
          <CallsOverTime
            title={hourly ? 'Calls per hour' : 'Calls per day'}
            unit={hourly ? 'Hour' : 'Day'}
            bars={overPeriod}
          />
          {!hourly && <CallsOverTime title="Calls by hour of the day" unit="Hour" bars={overDay} />}
        </div>
        <Outcomes totals={statistics.totals} />
      </div>
      <div className="grid items-start gap-4 xl:grid-cols-2">
        <Busiest title="Busiest numbers" column="Number" ranking={statistics.busiest_numbers} />
        <Busiest title="Busiest extensions" column="Extension" ranking={statistics.busiest_extensions} />
      </div>
      <p className="text-sm text-muted">
        Hours and days are those of your organization’s zone, {cityOf(statistics.timezone)}.
      </p>
    </>
  );
}
