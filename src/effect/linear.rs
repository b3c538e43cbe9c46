//! Least squares for few columns: Householder's decomposition, which loses no digits to the normal equations, and the
//! covariance of its coefficients plain or robust to correlation (Newey and West, 1987).

/// A small dense matrix, row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix {
    pub rows: usize,
    pub columns: usize,
    data: Vec<f64>,
}

impl Matrix {
    /// Of these rows, all of the same length.
    #[must_use]
    pub fn new(rows: &[Vec<f64>]) -> Self {
        let columns = rows.first().map_or(0, Vec::len);
        let data = rows.iter().flat_map(|row| row.iter().copied().take(columns)).collect();
        Self { rows: rows.len(), columns, data }
    }

    #[must_use]
    pub fn at(&self, row: usize, column: usize) -> f64 {
        self.data[row * self.columns + column]
    }

    fn set(&mut self, row: usize, column: usize, value: f64) {
        self.data[row * self.columns + column] = value;
    }

    #[must_use]
    pub fn row(&self, row: usize) -> &[f64] {
        &self.data[row * self.columns..(row + 1) * self.columns]
    }

    fn zero(rows: usize, columns: usize) -> Self {
        Self { rows, columns, data: vec![0.0; rows * columns] }
    }

    /// `c'·M·c`.
    #[must_use]
    pub fn quadratic(&self, c: &[f64]) -> f64 {
        (0..self.rows).map(|i| c[i] * (0..self.columns).map(|j| self.at(i, j) * c[j]).sum::<f64>()).sum()
    }

    fn times(&self, other: &Self) -> Self {
        let mut product = Self::zero(self.rows, other.columns);
        for i in 0..self.rows {
            for j in 0..other.columns {
                product.set(i, j, (0..self.columns).map(|k| self.at(i, k) * other.at(k, j)).sum());
            }
        }
        product
    }
}

/// A fit.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    pub coefficients: Vec<f64>,
    pub residuals: Vec<f64>,
    /// `(X'X)⁻¹`.
    pub inverse: Matrix,
    /// `ln |X'X|`.
    pub ln_determinant: f64,
    /// Sum of squared residuals over the degrees of freedom.
    pub variance: f64,
    pub degrees_of_freedom: usize,
}

#[expect(clippy::cast_precision_loss, reason = "counts of snapshots and units are far below 2^52")]
#[must_use]
pub fn float(n: usize) -> f64 {
    n as f64
}

/// Mean of values; null of none.
#[must_use]
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / float(values.len()))
}

/// Fits `y` to the columns of `x` by least squares. `None` when there are no more rows than columns, or the columns
/// depend on each other.
#[must_use]
pub fn least_squares(x: &Matrix, y: &[f64]) -> Option<Fit> {
    let (rows, columns) = (x.rows, x.columns);
    if rows <= columns || y.len() != rows || columns == 0 {
        return None;
    }
    let (mut reduced, mut rotated) = (x.clone(), y.to_vec());
    for column in 0..columns {
        reflect(&mut reduced, &mut rotated, column)?;
    }
    let upper = inverse_of_upper(&reduced, columns);
    let coefficients: Vec<f64> =
        (0..columns).map(|i| (i..columns).map(|j| upper.at(i, j) * rotated[j]).sum()).collect();
    let fitted = |row: usize| x.row(row).iter().zip(&coefficients).map(|(a, b)| a * b).sum::<f64>();
    let residuals: Vec<f64> = (0..rows).map(|row| y[row] - fitted(row)).collect();
    let mut inverse = Matrix::zero(columns, columns);
    for i in 0..columns {
        for j in 0..columns {
            inverse.set(i, j, (i.max(j)..columns).map(|inner| upper.at(i, inner) * upper.at(j, inner)).sum());
        }
    }
    let degrees_of_freedom = rows - columns;
    let variance = residuals.iter().map(|error| error * error).sum::<f64>() / float(degrees_of_freedom);
    let ln_determinant = (0..columns).map(|i| 2.0 * reduced.at(i, i).abs().ln()).sum();
    Some(Fit { coefficients, residuals, inverse, ln_determinant, variance, degrees_of_freedom })
}

/// Makes a column zero below the diagonal. `None` when it is a combination of those before it.
fn reflect(matrix: &mut Matrix, values: &mut [f64], column: usize) -> Option<()> {
    let rows = matrix.rows;
    let square = |from: usize| (from..rows).map(|i| matrix.at(i, column).powi(2)).sum::<f64>();
    let (whole, norm) = (square(0).sqrt(), square(column).sqrt());
    if norm <= 1e-10 * whole.max(f64::MIN_POSITIVE) {
        return None;
    }
    let mut mirror: Vec<f64> = (column..rows).map(|i| matrix.at(i, column)).collect();
    mirror[0] += if mirror[0] < 0.0 { -norm } else { norm };
    let length: f64 = mirror.iter().map(|value| value * value).sum();
    for j in column..matrix.columns {
        let along = 2.0 * (column..rows).map(|i| mirror[i - column] * matrix.at(i, j)).sum::<f64>() / length;
        for i in column..rows {
            matrix.set(i, j, matrix.at(i, j) - along * mirror[i - column]);
        }
    }
    let along = 2.0 * (column..rows).map(|i| mirror[i - column] * values[i]).sum::<f64>() / length;
    values[column..].iter_mut().zip(&mirror).for_each(|(value, part)| *value -= along * part);
    Some(())
}

fn inverse_of_upper(upper: &Matrix, columns: usize) -> Matrix {
    let mut inverse = Matrix::zero(columns, columns);
    for j in 0..columns {
        inverse.set(j, j, 1.0 / upper.at(j, j));
        for i in (0..j).rev() {
            let sum: f64 = (i + 1..=j).map(|inner| upper.at(i, inner) * inverse.at(inner, j)).sum();
            inverse.set(i, j, -sum / upper.at(i, i));
        }
    }
    inverse
}

/// Lags that Newey and West's covariance takes into account: `⌊4·(n/100)^(2/9)⌋`.
#[must_use]
pub fn newey_west_lags(n: usize) -> usize {
    let lags = (4.0 * (float(n) / 100.0).powf(2.0 / 9.0)).floor();
    (0..n).take_while(|&lag| float(lag) <= lags).last().unwrap_or(0)
}

/// Covariance of the coefficients that is robust to unequal variance and to correlation up to so many lags: Bartlett's
/// weights, and `n / (n − k)` for small samples.
#[must_use]
pub fn newey_west(x: &Matrix, fit: &Fit, lags: usize) -> Matrix {
    let (rows, columns) = (x.rows, x.columns);
    let mut middle = Matrix::zero(columns, columns);
    for lag in 0..=lags.min(rows.saturating_sub(1)) {
        let weight = 1.0 - float(lag) / float(lags + 1);
        let weighted = |now: usize, then: usize| fit.residuals[now] * fit.residuals[then] * weight;
        for now in lag..rows {
            let then = now - lag;
            let product = weighted(now, then);
            for i in 0..columns {
                for j in 0..columns {
                    let both = x.at(now, i) * x.at(then, j) + x.at(then, i) * x.at(now, j);
                    let once = if lag == 0 { both / 2.0 } else { both };
                    middle.set(i, j, middle.at(i, j) + product * once);
                }
            }
        }
    }
    let mut covariance = fit.inverse.times(&middle).times(&fit.inverse);
    let correction = float(rows) / float(rows - columns);
    covariance.data.iter_mut().for_each(|value| *value *= correction);
    covariance
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_through_four_points_by_hand() {
        // y = 1, 3, 4, 4 at x = 0, 1, 2, 3: mean 3 and 1.5, Sxy = 5, Sxx = 5: slope 1, intercept 1.5; residuals −.5 .5
        // .5 −.5, variance 1/2; (X'X)⁻¹ has 1/5 for the slope and 1/4 + 2.25/5 = 0.7 for the intercept; |X'X| = 20.
        let x = Matrix::new(&[vec![1.0, 0.0], vec![1.0, 1.0], vec![1.0, 2.0], vec![1.0, 3.0]]);
        let fit = least_squares(&x, &[1.0, 3.0, 4.0, 4.0]).expect("two columns, four rows");
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} against {b}");
        close(fit.coefficients[0], 1.5);
        close(fit.coefficients[1], 1.0);
        close(fit.variance, 0.5);
        close(fit.inverse.at(0, 0), 0.7);
        close(fit.inverse.at(1, 1), 0.2);
        close(fit.ln_determinant, 20f64.ln());
        // Without lags it is White's: (X'X)⁻¹ Σ e² x x' (X'X)⁻¹ · n/(n−k); here every e² is 1/4, so it is the plain one
        // with 1/4 for 1/2, times 2.
        close(newey_west(&x, &fit, 0).at(1, 1), 0.25 * 0.2 * 2.0);
    }

    #[test]
    fn columns_that_depend_on_each_other_have_no_fit() {
        let x = Matrix::new(&[vec![1.0, 2.0], vec![1.0, 2.0], vec![1.0, 2.0]]);
        assert!(least_squares(&x, &[1.0, 2.0, 3.0]).is_none());
        assert!(least_squares(&Matrix::new(&[vec![1.0]]), &[1.0]).is_none());
        assert_eq!((newey_west_lags(20), newey_west_lags(100), newey_west_lags(60)), (2, 4, 3));
    }
}
