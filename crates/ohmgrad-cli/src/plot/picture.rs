//! Pictures: drawn as SVG, and rasterised to PNG with the font in this binary, so that both look the same
//! on machines without fonts.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow};
use ohmgrad::record::atomic;
use plotters::coord::Shift;
use plotters::prelude::*;
use resvg::{tiny_skia, usvg};

/// DejaVu Sans, reduced to the characters used here; its licence lies beside it.
const FONT: &[u8] = include_bytes!("../../assets/DejaVuSans.ttf");
/// What the SVG asks for: a viewer takes its own font, which is drawn at the same places.
const FAMILY: &str = "sans-serif";
/// Pixels of the PNG per unit of the SVG.
const ZOOM: f32 = 2.0;

/// Colours that colour-blind readers can tell apart (Okabe and Ito).
pub(super) const COLORS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(0, 0, 0),
];

/// Where pictures are drawn.
pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
/// How drawing ends.
pub(super) type Drawn<T = ()> = Result<T, DrawingAreaErrorKind<io::Error>>;

/// Text of that size.
pub(super) fn font(size: f64) -> TextStyle<'static> {
    TextStyle::from((FAMILY, size).into_font())
}

/// A picture of that size as SVG.
pub(super) fn draw(size: (u32, u32), paint: impl FnOnce(&Area) -> Drawn) -> anyhow::Result<String> {
    plotters::style::register_font(FAMILY, FontStyle::Normal, FONT)
        .map_err(|_| anyhow!("the font in this binary is damaged"))?;
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        area.fill(&WHITE)
            .and_then(|()| paint(&area))
            .and_then(|()| area.present())
            .context("the picture cannot be drawn")?;
    }
    Ok(svg)
}

/// Writes `STEM.svg` and `STEM.png`, each all or nothing; returns their paths.
pub(super) fn save(folder: &Path, stem: &str, svg: &str) -> anyhow::Result<[PathBuf; 2]> {
    let paths = ["svg", "png"].map(|extension| folder.join(format!("{stem}.{extension}")));
    let png = rasterise(svg).context("the picture cannot be rasterised")?;
    atomic::write(&paths[0], |file| file.write_all(svg.as_bytes()))?;
    atomic::write(&paths[1], |file| file.write_all(&png))?;
    Ok(paths)
}

fn rasterise(svg: &str) -> anyhow::Result<Vec<u8>> {
    let mut fonts = usvg::fontdb::Database::new();
    fonts.load_font_data(FONT.to_vec());
    fonts.set_sans_serif_family("DejaVu Sans");
    let options = usvg::Options {
        fontdb: Arc::new(fonts),
        ..usvg::Options::default()
    };
    let tree = usvg::Tree::from_str(svg, &options)?;
    let size = tree.size().to_int_size().scale_by(ZOOM);
    let mut pixels = size
        .and_then(|size| tiny_skia::Pixmap::new(size.width(), size.height()))
        .context("it is too large")?;
    let zoom = tiny_skia::Transform::from_scale(ZOOM, ZOOM);
    resvg::render(&tree, zoom, &mut pixels.as_mut());
    Ok(pixels.encode_png()?)
}
